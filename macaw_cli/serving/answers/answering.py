"""Who answers: the interface between the API and the model, here or elsewhere.

The API reads requests, turns media into features and writes replies. In between stands an `Answerer`: the model of this
process (`local_model.py`), or another server that is sent the soft tokens.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.sampling import Sampling

FinishReason = Literal["stop", "length"]
LEAST_LOGPROB = -9999.0
"""Told for a token that cannot come at all, or whose probability is not known: JSON has no infinity."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One conversation that wants one answer.

    Args:
        messages: canonical messages, the last one not the assistant's.
        attachments: all media of the conversation, in order of appearance within each modality.
        max_new_tokens: longest answer; None is as long as the settings say.
        sampling: how tokens are chosen.
        seed: of the sampling.
        stop: texts that end the answer and do not belong to it.
        top_logprobs: how many of the likeliest tokens are told beside each token; None tells no probabilities.
    """

    messages: Sequence[dict[str, Any]]
    attachments: Sequence[Attachment] = ()
    max_new_tokens: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None


@dataclass(frozen=True)
class TokenLogprob:
    """How likely a token was.

    Attributes:
        text: of the token alone.
        data: its UTF-8 bytes.
        logprob: natural logarithm of its probability.
        top: the likeliest tokens at its place, likeliest first.
    """

    text: str
    data: bytes
    logprob: float
    top: "tuple[TokenLogprob, ...]" = ()


@dataclass(frozen=True)
class Piece:
    """More of an answer: text that will not change any more, possibly none, and the token it came with."""

    text: str
    token: TokenLogprob | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An answer is complete.

    Attributes:
        reason: `stop`: it ended or a stop string came; `length`: its limit was reached.
        prompt_tokens: of the prompt, soft tokens included.
        completion_tokens: of the answer.
        cached_tokens: of the prompt, those that were not computed again.
        soft_tokens: positions of the prompt that each kind of medium takes.
    """

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    soft_tokens: dict[str, int] = field(default_factory=dict)


Event = Piece | Finished


class Answerer(Protocol):
    """Answers questions, many at a time."""

    def submit(self, question: Question) -> AsyncGenerator[Event]:
        """The events of one answer; the last one is `Finished`.

        Closing the generator before gives the answer up, at once.

        Raises:
            ApiError: the question cannot be answered.
        """
        ...

    @property
    def running(self) -> int:
        """Answers that are being generated."""
        ...

    @property
    def waiting(self) -> int:
        """Questions that wait for their turn."""
        ...

    async def close(self) -> None:
        """End everything; whoever still waits for an answer gets `ApiError` with status 503."""
        ...
