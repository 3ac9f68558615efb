"""What is asked of the engine, and what it says while it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.features import Features
from macaw_cli.inference.sampling import Sampling

Ending = Literal["end", "stop", "length", "cancelled", "failed"]
"""The model ended its answer, a stop string came, the answer reached its limit, it was cancelled, or an error came."""


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One prompt to be continued.

    Args:
        prompt: token ids, placeholders of soft tokens included.
        features: `image_features` and the like, one tensor per medium, in order of appearance; with what is asked
            about it, `image_instructions` and the like, where its bridge has a tokenizer of its own.
        max_new_tokens: longest answer.
        sampling: how tokens are chosen.
        seed: of the sampling.
        stop: texts that end the answer and do not belong to it.
        answered: where in the prompt answers of earlier turns stand; empty where none do.
        cache: of the conversation that the prompt continues; what it shares with the prompt is not computed again.
        logprobs: how many of the likeliest tokens are told with every token, beside its own log-probability; None
            tells neither.
    """

    prompt: Sequence[int]
    features: Features = field(default_factory=dict)
    max_new_tokens: int = 128
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    stop: tuple[str, ...] = ()
    answered: Sequence[bool] = ()
    cache: ConversationCache | None = None
    logprobs: int | None = None

    def __post_init__(self) -> None:
        """Refuse an answer without tokens."""
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")
        if self.logprobs is not None and self.logprobs < 0:
            raise ValueError(f"logprobs must be at least 0, got {self.logprobs}")


@dataclass(frozen=True)
class TokenEvent:
    """One more token of an answer.

    Args:
        number: of the request.
        token: its id.
        text: what became certain with it, possibly nothing.
        logprob: natural logarithm of its probability by the model's own logits, before temperature and penalties; None
            where the request does not ask.
        top: the likeliest tokens with theirs, in descending order.
    """

    number: int
    token: int
    text: str
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class EndEvent:
    """An answer is complete.

    Args:
        number: of the request.
        ending: why.
        text: the whole answer.
        rest: what of it came with no token event, such as the end that might have been a stop string.
        prompt_tokens: of the prompt, soft tokens included.
        completion_tokens: of the answer, without its end token.
        reused_tokens: of the prompt, those that were in the cache.
        error: what went wrong, where the ending is `failed`.
    """

    number: int
    ending: Ending
    text: str
    rest: str
    prompt_tokens: int
    completion_tokens: int
    reused_tokens: int = 0
    error: Exception | None = None


Event = TokenEvent | EndEvent
