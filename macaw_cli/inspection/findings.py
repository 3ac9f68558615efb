"""What `macaw inspect --verify` says about one file."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome for one file.

    Args:
        file: its name in the folder.
        problem: what is wrong with it, as the end of a sentence; empty when it is whole.
        harmless: the problem needs nothing done.
        media: how many media are in a damaged shard.
        examples: source paths of the first of them.
    """

    file: str
    problem: str = ""
    harmless: bool = False
    media: int = 0
    examples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        lost = {"media": self.media, "examples": list(self.examples)} if self.media else {}
        return {"file": self.file, "problem": self.problem, **lost}

    def __str__(self) -> str:
        if not self.media:
            return f"{self.file}: {self.problem or 'whole'}"
        more = ", ..." if self.media > len(self.examples) else ""
        return f"{self.file}: {self.problem} ({self.media} media: {', '.join(self.examples)}{more})"
