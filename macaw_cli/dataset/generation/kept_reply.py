"""A reply as the ledger keeps it, and what the ledger adds up to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, as it is kept."""

    hash: str
    model: str
    kind: str
    item: str
    prompt: str
    """The messages as JSON, media left out."""
    text: str
    finish: str
    """`finish_reason` of the API."""
    refusal: str
    prompt_tokens: int
    completion_tokens: int
    counted: bool
    """The API reported the tokens; otherwise they are an estimate."""
    cost: float
    """US dollars."""
    seconds: float
    received: float
    """Seconds since 1970."""
    estimate: int
    """Tokens of the prompt as macaw counts them."""
    pairs: int
    """That were asked for."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the ledger adds up to."""

    requests: int
    cost: float
    """US dollars, of replies that came."""
    unanswered: int
    """Times that a request was sent and no reply came, as after a kill; they may have been charged."""
    unanswered_cost: float
    """What these cost at most, in US dollars."""

    @property
    def at_most(self) -> float:
        """What all of it may have cost, in US dollars."""
        return self.cost + self.unanswered_cost
