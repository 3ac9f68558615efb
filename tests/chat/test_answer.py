"""An answer as the terminal shows it grows with the engine's events."""

import pytest

from macaw_cli.chat.answer import Answer
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest


@pytest.mark.parametrize(("ends", "ending"), [(False, "length"), (True, "end")])
def test_the_pieces_join_to_the_answer_and_are_counted(tiny_llm, byte_tokenizer, ends, ending):
    request = GenerationRequest(prompt=[5, 9], max_new_tokens=12)
    tokens = [event.token for event in list(Engine(tiny_llm, byte_tokenizer, frozenset()).generate([request]))[:-1]]
    stop = next(token for number, token in enumerate(tokens) if number >= 3 and token not in tokens[:number])
    engine = Engine(tiny_llm, byte_tokenizer, frozenset([stop] if ends else []))
    answer = Answer()
    pieces = list(answer.follow(engine.generate([request])))
    assert "".join(pieces) == answer.text
    assert (answer.completion_tokens, answer.ending) == (tokens.index(stop) if ends else 12, ending)
    assert answer.first_token_s > 0
    assert answer.tokens_per_s > 0
