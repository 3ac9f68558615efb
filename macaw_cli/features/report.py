"""What an extraction did, or would do, told to people and to scripts."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.features.clock import shares
from macaw_cli.features.partial_shards import PartialJob
from macaw_cli.features.shard_rows import JobResult
from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.shards.feature_store import NULL_KEY

_EXAMPLES = 3


@dataclass(slots=True)
class ExtractionReport:
    """The result of `extract`.

    Attributes:
        store: folder or URL of the features.
        made: media encoded now, per modality; soundtracks count as audio.
        known: inputs whose features were there before.
        kept: media of unfinished shards that a stopped run had encoded.
        unfinished: inputs without features, as their shard stays unfinished.
        refused: inputs given up before and left alone now.
        rejected: inputs given up now; `rejects` says which and why, and holds those given up before as well.
        shortened: audio files of now that are longer than what the encoder hears; `heard_s` is that length, `longest_s`
            the length of the longest of them.
        bytes: size of all shards of the store.
        seconds: of this run's work, in all and per stage (see `clock`).
    """

    store: str
    made: dict[Modality, int] = field(default_factory=dict)
    known: int = 0
    kept: int = 0
    unfinished: int = 0
    refused: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    shortened: int = 0
    heard_s: float = 0.0
    longest_s: float = 0.0
    audio_windows: int = 1
    shards: int = 0
    bytes: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    inputs: int = 0
    max_reject_ratio: float = 1.0
    examples: list[dict[str, Any]] = field(default_factory=list)
    """The first few of what was given up now."""
    next_command: str = "macaw build-dataset"

    def take(self, result: JobResult, before: PartialJob | None = None) -> None:
        """Add what became of one job.

        Args:
            result: of the worker that finished it.
            before: what an earlier run had left of it; what `result` has kept beyond that is of this run as well, made
                by a worker that died.
        """
        made, kept = Counter[Modality](result.made), before.items if before else 0
        if result.kept > kept:
            made = _media(result) - (before.made if before else Counter())
        for modality, count in made.items():
            self.made[modality] = self.made.get(modality, 0) + count
        self.kept += min(kept, result.kept)
        for row in result.rows:
            if row.get("modality") == "audio" and "heard" in row["meta"]:
                self.shortened += 1
                self.heard_s = max(self.heard_s, row["meta"]["heard"])
                self.longest_s = max(self.longest_s, row["meta"].get("duration") or 0.0)
        self.give_up(result.rejects)

    def give_up(self, rejects: list[dict[str, Any]]) -> None:
        """Add inputs that cannot be used."""
        self.rejected += len(rejects)
        self.examples += rejects[: _EXAMPLES - len(self.examples)]

    def has_too_many_rejects(self) -> bool:
        """Whether more inputs were given up, now or before, than the settings allow."""
        return self.rejected + self.refused > self.max_reject_ratio * self.inputs

    def require_few_rejects(self) -> None:
        """Fail when too many inputs were given up; everything else is written already.

        Raises:
            InputError: more than `features.max_reject_ratio` of the inputs.
        """
        if self.has_too_many_rejects():
            rejected = self.rejected + self.refused
            before = f" ({self.refused} of them before; --retry-rejects tries them again)" if self.refused else ""
            raise InputError(
                f"{rejected} of {counted(self.inputs, 'input')} were rejected{before}, more than --max-reject-ratio "
                f"{self.max_reject_ratio:g} allows.",
                f"The features of all others are in {self.store}; the reasons are in rejects.jsonl beside them.",
            )

    def _shortened_line(self) -> str:
        many = self.shortened > 1
        longer = f"{self.shortened} audio files or soundtracks are" if many else "1 audio file or soundtrack is"
        windows = max(self.audio_windows + 1, ceil(self.audio_windows * self.longest_s / max(self.heard_s, 1e-9)))
        return (
            f"{longer} longer than {self.heard_s:g} s; only the first {self.heard_s:g} s are encoded. Raise"
            f" features.audio_windows: {windows} windows cover all of the longest ({self.longest_s:.1f} s). Extract"
            " into another store then (--out): one store holds features of one number of windows."
        )

    def as_json(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        return {name: value for name, value in {**asdict(self), "store": str(self.store)}.items() if name != "examples"}

    def print(self) -> None:
        """The summary; its last line is the next command."""
        kinds = [(TABLE[modality], count) for modality, count in self.made.items()]
        made = ", ".join(counted(count, row.singular, row.plural) for row, count in kinds) or "nothing new"
        known = f", {self.known} already there" if self.known else ""
        known += f", {self.kept} from the interrupted run" if self.kept else ""
        known += f", {self.refused} rejected before" if self.refused else ""
        known += f", {self.unfinished} without features in unfinished shards" if self.unfinished else ""
        shards = f"{counted(self.shards, 'shard')}, {human_bytes(self.bytes)}"
        console.result(f"Features: {made}{known}; {shards} in {self.store}")
        console.result(f"Time: {self.seconds:.1f} s ({shares(self.stages, self.seconds)})")
        if self.refused:
            reasons = f"their reasons are in {self.store}/rejects.jsonl; --retry-rejects tries them again"
            console.result(f"Rejected before: {self.refused}; {reasons}")
        elif self.rejects and not self.rejected:  # such as a video's soundtrack, or what other commands gave up
            console.result(f"Rejected before: {len(self.rejects)} in this store, listed in {self.store}/rejects.jsonl")
        if self.rejected:
            console.result(f"Rejected: {self.rejected}, listed with their reasons in {self.store}/rejects.jsonl")
            for row in self.examples:
                console.result(f"  {row['path']}: {row['reason']}")
        if self.shortened:
            console.result(self._shortened_line())
        if not self.has_too_many_rejects():
            console.result(f"Next: {self.next_command}")


def _media(result: JobResult) -> "Counter[Modality]":
    """How many media the shards of a job hold, per modality."""
    media = {(row["key"], row["modality"]) for row in result.rows if row.get("key", NULL_KEY) != NULL_KEY}
    return Counter(modality for _, modality in media)


@dataclass(slots=True)
class ExtractionPlan:
    """The result of `extract(plan=True)`: per modality how many, how many bytes and how many seconds."""

    store: str
    items: dict[Modality, int]
    known: int
    bytes: dict[Modality, int]
    seconds: dict[Modality, float]
    rejects: int
    """Files of the sample that could not be decoded."""

    def require_few_rejects(self) -> None:
        """A plan gives nothing up."""

    def as_json(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        return asdict(self)

    def print(self) -> None:
        """A table, and what it would do."""
        rows = [
            [TABLE[modality].plural, str(count), human_bytes(self.bytes[modality]), f"{self.seconds[modality]:.0f} s"]
            for modality, count in self.items.items()
        ]
        seconds = f"{sum(self.seconds.values()):.0f} s"
        rows.append(["together", str(sum(self.items.values())), human_bytes(sum(self.bytes.values())), seconds])
        console.print_table(f"Would be extracted to {self.store}", ["", "files", "to write", "time"], rows)
        if self.known:
            console.result(f"{counted(self.known, 'file')} {'has' if self.known == 1 else 'have'} features already.")
        if self.rejects:
            console.result(f"{self.rejects} of the sampled files cannot be decoded.")
        console.result("Next: the same command without --plan")
