"""What became of a request, and what a run has sent and received."""

from dataclasses import dataclass

from macaw_cli.dataset.generation.reply import ParsedReply


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one request."""

    parsed: ParsedReply
    raw: str = ""
    """Text of the last reply."""
    cost: float = 0.0
    """Of its replies, in US dollars."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True)
class Traffic:
    """What this run has sent and received; for the progress display and the report."""

    replies: int = 0
    from_ledger: int = 0
    throttled: int = 0
    retried: int = 0
    tokens: int = 0
    cost: float = 0.0
