"""What both APIs tell of tokens: how likely they were, and how many each kind of medium took."""

from typing import Any

from macaw_cli.serving.answers.answering import Finished, TokenLogprob


def logprob_fields(token: TokenLogprob) -> dict[str, Any]:
    """One token with the likeliest ones at its place."""
    return {**_one(token), "top_logprobs": [_one(other) for other in token.top]}


def media_tokens(end: Finished) -> dict[str, int]:
    """Soft tokens by kind; kinds that OpenAI does not count stand beside those that it does."""
    return {f"{name}_tokens": count for name, count in end.soft_tokens.items()}


def _one(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.data)}
