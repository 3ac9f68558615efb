"""What chunks of a backend's stream say: text, and the probabilities of its tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from macaw_cli.serving.answers.answering import LEAST_LOGPROB, Piece, TokenLogprob


def pieces_of(choice: Any, most: int) -> Iterator[Piece]:
    """The pieces of one choice of a chunk, of a chat or of a completion: the first has its text.

    Args:
        choice: of the client's types.
        most: likely tokens that are told beside each; vLLM puts the token itself among those of a completion.
    """
    delta = getattr(choice, "delta", None)
    text = (choice.text if delta is None else delta.content) or ""
    found = _of_completion(choice.logprobs) if delta is None else _of_chat(choice.logprobs)
    tokens = [replace(token, top=token.top[:most]) for token in found]
    if text or tokens:
        yield Piece(text, tokens[0] if tokens else None)
    yield from (Piece("", token) for token in tokens[1:])


def _of_chat(logprobs: Any) -> Iterator[TokenLogprob]:
    for one in (logprobs.content if logprobs else None) or ():
        top = tuple(_token(other.token, other.logprob, other.bytes) for other in one.top_logprobs or ())
        yield _token(one.token, one.logprob, one.bytes, top)


def _of_completion(logprobs: Any) -> Iterator[TokenLogprob]:
    if not logprobs or not logprobs.tokens:
        return
    likeliest: list[Mapping[str, float] | None] = logprobs.top_logprobs or [None] * len(logprobs.tokens)
    for token, value, others in zip(logprobs.tokens, logprobs.token_logprobs, likeliest, strict=False):
        ranked = sorted((others or {}).items(), key=lambda pair: -pair[1])
        yield _token(token, value, None, tuple(_token(text, one, None) for text, one in ranked))


def _token(text: str, logprob: float | None, data: Any, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    spelled = text.encode() if data is None else bytes(data)
    return TokenLogprob(text, spelled, LEAST_LOGPROB if logprob is None else max(logprob, LEAST_LOGPROB), top)
