"""What an extraction did, or would do, told to people and to scripts."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.config.settings import Modality
from macaw_cli.features.clock import shares

_NAMES = {"image": "images", "audio": "sounds", "video": "films"}


@dataclass(slots=True)
class ExtractionReport:
    """The result of `extract`.

    Attributes:
        store: folder of the features.
        made: media encoded now, per modality; soundtracks count as audio.
        known: inputs whose features were there before.
        refused: inputs given up before and left alone now.
        rejected: inputs given up now; `rejects` says which and why.
        bytes: size of all shards of the store.
        seconds: of this run's work, in all and per stage (see `clock`).
    """

    store: Path
    made: dict[Modality, int] = field(default_factory=dict)
    known: int = 0
    refused: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    shards: int = 0
    bytes: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    inputs: int = 0
    max_reject_ratio: float = 1.0

    def require_few_rejects(self) -> None:
        """Fail when too many inputs were given up; everything else is written already.

        Raises:
            InputError: more than `features.max_reject_ratio` of the inputs.
        """
        if self.rejected > self.max_reject_ratio * self.inputs:
            raise InputError(
                f"{self.rejected} of {self.inputs} inputs were rejected, more than --max-reject-ratio "
                f"{self.max_reject_ratio:g} allows.",
                f"The features of all others are in {self.store}; the reasons are in rejects.jsonl beside them.",
            )

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "store": str(self.store)}

    def print(self) -> None:
        """The summary; its last line is the next command."""
        made = ", ".join(f"{count} {_NAMES[modality]}" for modality, count in self.made.items()) or "nothing new"
        known = f", {self.known} known before" if self.known else ""
        known += f", {self.refused} rejected before (--retry-rejects tries them again)" if self.refused else ""
        console.result(f"Features: {made}{known}; {self.shards} shards, {human_bytes(self.bytes)} in {self.store}")
        console.result(f"Time: {self.seconds:.1f} s ({shares(self.stages, self.seconds)})")
        if self.rejected:
            console.result(f"Rejected: {self.rejected}, listed with their reasons in {self.store / 'rejects.jsonl'}")
            for row in self.rejects[-min(self.rejected, 3) :]:
                console.result(f"  {row['path']}: {row['reason']}")
        console.result("Next: macaw build-dataset")


@dataclass(slots=True)
class ExtractionPlan:
    """The result of `extract(plan=True)`: per modality how many, how many bytes and how many seconds."""

    store: Path
    items: dict[Modality, int]
    known: int
    bytes: dict[Modality, int]
    seconds: dict[Modality, float]
    rejects: int
    """Files of the sample that could not be decoded."""

    def require_few_rejects(self) -> None:
        """A plan gives nothing up."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "store": str(self.store)}

    def print(self) -> None:
        """A table, and what it would do."""
        rows = [
            [_NAMES[modality], str(count), human_bytes(self.bytes[modality]), f"{self.seconds[modality]:.0f} s"]
            for modality, count in self.items.items()
        ]
        seconds = f"{sum(self.seconds.values()):.0f} s"
        rows.append(["together", str(sum(self.items.values())), human_bytes(sum(self.bytes.values())), seconds])
        console.print_table(f"Would be extracted to {self.store}", ["", "files", "to write", "time"], rows)
        if self.known:
            console.result(f"{self.known} files are there already.")
        if self.rejects:
            console.result(f"{self.rejects} of the files tried cannot be decoded.")
        console.result("Next: the same command without --plan")
