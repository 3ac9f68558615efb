"""An answer beside all its references, for metrics that take several."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Referenced:
    """One question, or one medium with its captions.

    Args:
        references: texts of equal right, at least one.
        answer: what the model wrote.
    """

    references: tuple[str, ...]
    answer: str
