"""A question with its answer, as a model wrote it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """One question with its answer, without surrounding white space."""

    question: str
    answer: str

    @property
    def folded(self) -> tuple[str, str]:
        """What two pairs have in common that differ in case and spaces alone."""
        return " ".join(self.question.casefold().split()), " ".join(self.answer.casefold().split())
