import math
import re
from dataclasses import replace

import pytest
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.inference.constraints import MOST_DIGITS, constraint_of
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.inference.sampling import GREEDY, Sampling

NUMBER, INTEGER = re.compile(r" ?[+-]?\d+(\.\d+)?"), re.compile(r" ?[+-]?\d+")


class Vocabulary:
    """Tokens as byte-level BPE and SentencePiece write them, some of several characters."""

    all_special_ids = (0, 1)
    texts = ("<s>", "</s>", *"0123456789", "+", "-", ".", "\u0120", "\u2581", "\u01207", "12", "3.5", "-4", "..", "x",
             "1x", "\u2581-", "007", "")  # fmt: skip

    def get_vocab(self):
        return {text: token for token, text in enumerate(self.texts)}


ENDS = (1,)


def answer_of(constraint, scores):
    """The greedy answer whose logits at each place are `scores`."""
    tokens = []
    for row in scores:
        limited = constraint(torch.tensor([tokens], dtype=torch.long), torch.tensor([row]))
        assert torch.isfinite(limited).any()
        tokens.append(int(limited.argmax()))
        if tokens[-1] in ENDS:
            text = "".join(Vocabulary.texts[token] for token in tokens[:-1])
            return text.replace("\u0120", " ").replace("\u2581", " ")
    return None


@pytest.mark.parametrize(("name", "form"), [("number", NUMBER), ("integer", INTEGER)])
def test_whatever_the_logits_are_the_answer_is_a_number_and_ends(name, form):
    constraint = constraint_of(name, Vocabulary(), ENDS)
    dice = torch.Generator().manual_seed(0)
    answers = set()
    for likely_end in (-9.0, 0.0, 1.0):
        for _ in range(100):
            scores = torch.randn(2 * MOST_DIGITS + 6, len(Vocabulary.texts), generator=dice)
            scores[:, ENDS] += likely_end
            answers.add(answer_of(constraint, scores.tolist()))
    assert len(answers) > 100
    for answer in answers:
        assert form.fullmatch(answer)
        assert math.isfinite(float(answer))


def test_scores_of_allowed_tokens_stay_as_they_are():
    scores = torch.arange(float(len(Vocabulary.texts)))[None]
    limited = constraint_of("number", Vocabulary(), ENDS)(torch.tensor([[2]]), scores)
    kept = {Vocabulary.texts[token] for token in torch.isfinite(limited[0]).nonzero().flatten().tolist()}
    assert kept == {*"0123456789", ".", "12", "3.5", "007", "</s>"}
    assert limited[limited > -torch.inf].tolist() == scores[limited > -torch.inf].tolist()


def test_a_tokenizer_without_digits_is_refused():
    class Letters(Vocabulary):
        texts = ("<s>", "</s>", "a", "b")

    with pytest.raises(UsageError, match="digit"):
        constraint_of("number", Letters(), ENDS)


def test_an_unknown_constraint_is_refused():
    with pytest.raises(ValueError, match=r"number, integer.*verse"):
        Sampling(constraint="verse")


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(temperature=2.0)])
def test_a_model_answers_with_numbers_beside_answers_of_any_text(tiny_llm, byte_tokenizer, sampling):
    engine = Engine(tiny_llm, byte_tokenizer, frozenset((byte_tokenizer.eos_token_id,)))
    forms = [None, "number", "integer", None]
    requests = [
        GenerationRequest(prompt=[5, 9, 7 + at], sampling=replace(sampling, constraint=form), max_new_tokens=60)
        for at, form in enumerate(forms)
    ]
    texts = {event.number: event.text for event in engine.generate(requests) if isinstance(event, EndEvent)}
    assert NUMBER.fullmatch(texts[1])
    assert INTEGER.fullmatch(texts[2])
    alone = engine.generate([requests[0]])
    assert texts[0] == next(event.text for event in alone if isinstance(event, EndEvent))
