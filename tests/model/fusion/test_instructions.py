"""Which example a medium belongs to, what is asked there, and that bridges are told."""

import pytest
import torch

from macaw_cli.inference import scoring
from macaw_cli.inference.branches import BranchRow
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.model.bridges.linear import LinearBridge
from macaw_cli.model.fusion.instructions import answered, example_of, instruction_ids
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.model.text.encoding import ConversationEncoder


def test_places_belong_to_the_example_between_whose_borders_they_are():
    assert example_of([0, 4, 5, 9], [0, 5, 10]) == [0, 0, 1, 1]


IDS = torch.tensor([[3, 90, 4, 5, 6, 91, 7, 8, 9, 3]])
LABELS = torch.tensor([[-100, -100, -100, 5, -100, -100, -100, 8, -100, -100]])


def test_an_instruction_is_the_text_of_the_turn_that_holds_the_medium():
    answers = answered(None, LABELS)
    assert answers == [3, 7]
    found = instruction_ids([1, 5], IDS, answers, None, [0, 10], 50)
    assert [one.tolist() for one in found] == [[3, 4], [6, 7]]
    (later,) = instruction_ids([9], torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 90]]), answers, None, [0, 10], 50)
    assert later.tolist() == [9], "of the last turn, which is not answered yet"


def test_a_turn_ends_with_its_example():
    found = instruction_ids([1, 5], IDS, [3], None, [0, 3, 10], 50)
    assert [one.tolist() for one in found] == [[3, 4], [6, 7, 8, 9, 3]]


def test_without_answers_all_text_counts_and_padding_does_not():
    ids, mask = torch.tensor([[0, 0, 3, 90, 4], [5, 6, 7, 8, 91]]), torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    found = instruction_ids([3, 9], ids, answered(None, None), mask, [0, 5, 10], 50)
    assert [one.tolist() for one in found] == [[3, 4], [5, 6, 7, 8]]
    told = instruction_ids([3], ids[:1], answered(mask[:1] == 0, None), None, [0, 5], 50)
    assert told[0].tolist() == [3, 4], "padding that no mask tells"


@pytest.fixture
def asked(tiny, monkeypatch):
    """A model whose bridges note what they are asked, and the list of the notes."""
    seen = []

    def forward(self, features, context):
        seen.extend(one.tolist() for one in context.instructions)
        return original(self, features, context)

    original = LinearBridge.forward
    monkeypatch.setattr(LinearBridge, "forward", forward)
    monkeypatch.setattr(LinearBridge, "needs", frozenset({"instruction"}))
    return tiny.model("linear", llm=tiny.llm_config(vocab_size=258 + 10)), seen


@pytest.fixture
def encoder(asked, tokenizer):
    return ConversationEncoder(tokenizer, asked[0].config, "alpaca", 512)


TALK = [
    {"role": "user", "content": "One?"}, {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Two?"}]},
    {"role": "assistant", "content": "No."}, {"role": "user", "content": "Three?"},
]  # fmt: skip
IMAGE = [("image", (10, 16))]


def in_training(tiny, asked, encoder):
    model, seen = asked
    talk = encoder.encode([*TALK, {"role": "assistant", "content": "End."}], IMAGE)
    ids, labels = torch.tensor([talk.input_ids]), torch.tensor([talk.labels])
    model(input_ids=ids, labels=labels, position_ids=torch.arange(ids.shape[1])[None], return_logits=False,
          image_features=tiny.features("image"))  # fmt: skip
    return seen.pop()


def test_a_medium_of_the_second_turn_is_asked_what_that_turn_says(tiny, asked, encoder, tokenizer):
    text = tokenizer.decode(in_training(tiny, asked, encoder))
    assert "Two?" in text
    assert not any(word in text for word in ("One?", "Yes.", "No.", "Three?", "End."))


@pytest.mark.parametrize("plain", [False, True])
def test_every_candidate_of_a_question_is_scored_with_the_same_instruction_as_in_training(
    tiny, asked, encoder, monkeypatch, plain
):
    """Candidates share a row, or have a row each where an LLM cannot keep them apart."""
    monkeypatch.setattr(scoring, "_needs_plain_rows", lambda *_: plain)
    model, seen = asked
    expected, prompt = in_training(tiny, asked, encoder), encoder.prompt(TALK, IMAGE)
    branches = [encoder.response_ids(text) for text in ("End.", "No, this is another one.", "?")]
    row = BranchRow(prompt.input_ids, branches, prompt.answered)
    longer = BranchRow([*prompt.input_ids, *prompt.input_ids[-3:]], branches, [*prompt.answered, *[False] * 3])
    with torch.no_grad():
        scoring.score(model, [row, longer], [{"image_features": tiny.features("image")}] * 2)
        scoring.score(model, [BranchRow(prompt.input_ids, branches[:1], prompt.answered)],
              [{"image_features": tiny.features("image")}])  # fmt: skip
    assert len(seen) == (7 if plain else 3)
    assert all(one == expected for one in seen[: 3 if plain else 1] + seen[-1:])


@pytest.mark.parametrize("cached", [True, False])
def test_in_every_turn_of_a_chat_a_medium_keeps_the_instruction_that_it_had_in_training(tiny, asked, encoder, cached):
    model, seen = asked
    expected, engine = in_training(tiny, asked, encoder), Engine.of(model, encoder)
    cache = ConversationCache() if cached else None
    answers = []
    for turns in (1, 3, 5):
        talk = [dict(message) for message in TALK[:turns]]
        for message, answer in zip(talk[1::2], answers, strict=True):
            message["content"] = answer
        prompt = encoder.prompt(talk, IMAGE if turns > 1 else [])
        features = {"image_features": tiny.features("image")} if turns > 1 else {}
        request = GenerationRequest(
            prompt=prompt.input_ids, features=features, max_new_tokens=4, answered=prompt.answered, cache=cache
        )
        answers.append([*engine.generate([request])][-1].text or "-")
    assert seen == [expected] if cached else [expected] * 2


def test_the_processor_tells_where_earlier_answers_stand(tiny, asked, tokenizer, encoder):
    model, seen = asked
    processor = MacawProcessor(tokenizer, model.config)
    inputs = processor([TALK, TALK[:3]], image_features=[tiny.features("image")] * 2)
    model.generate(**inputs, max_new_tokens=1, do_sample=False)
    assert seen == [in_training(tiny, asked, encoder)] * 2


def test_prompts_of_several_lengths_are_asked_as_each_alone(tiny, asked, encoder):
    model, seen = asked
    engine, image = Engine.of(model, encoder), {"image_features": tiny.features("image")}
    prompts = [encoder.prompt([{"role": "user", "content": text}], IMAGE) for text in ("Short?", "A longer question?")]
    requests = [GenerationRequest(prompt=one.input_ids, features=image, max_new_tokens=1) for one in prompts]
    for some in ([requests[0]], [requests[1]], requests):
        list(engine.generate(some))
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_a_bridge_is_told_of_each_medium_the_example_and_its_instruction(tiny, monkeypatch):
    seen = []

    def forward(self, features, context):
        seen.append(context)
        return original(self, features, context)

    original = LinearBridge.forward
    monkeypatch.setattr(LinearBridge, "forward", forward)
    monkeypatch.setattr(LinearBridge, "needs", frozenset({"instruction"}))
    model = tiny.model("linear")
    first, second = ([*tiny.sequence(model.config, *pieces)] for pieces in ((1, "image", "image", 5), (2, 6, "image")))
    ids = torch.tensor([first + second])
    positions = torch.tensor([[*range(len(first)), *range(len(second))]])
    with torch.no_grad():
        model(input_ids=ids, position_ids=positions, image_features=tiny.features("image", 3))
    (context,) = seen
    assert list(context.examples) == [0, 0, 1]
    assert [one.tolist() for one in context.instructions] == [[1, 5], [1, 5], [2, 6]]
