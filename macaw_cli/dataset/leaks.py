"""Whether media of the training side are nearly the same as held-out media, or as those of a benchmark.

A split by media keeps equal files together, but a photograph that was saved again is another file. What is nearly the
same is found by its features, which are there already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import progress
from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.feature_join import FeatureStores, MediaUse
from macaw_cli.dataset.portable_paths import portable_name
from macaw_cli.dataset.scratch.media_table import Medium
from macaw_cli.dataset.similar_media import mean_features, nearest
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.training_rows import Split

LEAKS_NAME = "leaks.jsonl"
LEAK = "no near-duplicate of held-out media"
"""Name of what drops conversations, as it stands in `rejects.jsonl` and `dataset.json`."""
Identity = tuple[Modality, str]


@dataclass(frozen=True, slots=True)
class Leak:
    """A training medium and the held-out one that it is most similar to."""

    modality: Modality
    train: str
    """Its name in a conversation."""
    held_out: str
    cosine: float
    benchmark: str = ""
    """Feature store of the benchmark that has the held-out one; empty for the dataset's own."""

    def to_json(self) -> dict[str, Any]:
        """The row of `leaks.jsonl`."""
        named = {"benchmark": self.benchmark} if self.benchmark else {}
        return {"modality": self.modality, "train": self.train, "held_out": self.held_out, **named,
                "cosine": self.cosine}  # fmt: skip

    @property
    def reason(self) -> str:
        """Why a conversation about the medium is dropped."""
        where = f"belongs to {self.benchmark}" if self.benchmark else "is held out"
        return f"{self.train} is nearly the same as {self.held_out}, which {where} (cosine {self.cosine:.4f})"


@dataclass(slots=True)
class LeakReport:
    """What a leak check found."""

    leaks: dict[Identity, Leak] = field(default_factory=dict)
    """By training medium: the most similar held-out one, where it is similar enough."""
    compared: dict[str, int] = field(default_factory=dict)
    """Training media of each modality that were compared with others."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of `leaks.jsonl`, the most similar first."""
        order = {name: place for place, name in enumerate(MODALITIES)}
        found = sorted(self.leaks.values(), key=lambda leak: (order[leak.modality], -leak.cosine, leak.train))
        return [leak.to_json() for leak in found]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By modality: how many training media were compared, and how many are nearly the same as another."""
        near = [modality for modality, _ in self.leaks]
        return {name: {"compared": count, "near": near.count(name)} for name, count in self.compared.items()}


@dataclass(frozen=True, slots=True)
class _Side:
    """Media of one modality that training media are compared with."""

    media: list[Medium]
    names: list[str]
    stores: FeatureStores
    benchmark: str = ""


def check_leaks(
    own: Mapping[Split, Sequence[MediaUse]], stores: FeatureStores, similarity: float, benchmarks: Sequence[Path]
) -> LeakReport:
    """Compare the media of the training side with held-out ones and with those of benchmarks.

    Args:
        own: the different media of each side, each by one of its uses.
        stores: where their features are.
        similarity: cosine from which on two media are nearly the same.
        benchmarks: feature stores.

    Raises:
        InputError: a benchmark is no feature store.
        MismatchError: its features are of other encoders.
        DamagedError: a feature shard is missing or cut.
    """
    sources = [_benchmark(folder, stores) for folder in benchmarks]
    report = LeakReport()
    for modality in MODALITIES:
        train, held_out = _of(own["train"], modality), _of(own["val"], modality)
        others = [_Side([use.medium for use in held_out], [use.source for use in held_out], stores)]
        others += [_side_of(source, modality) for source in sources]
        others = [other for other in others if other.media]
        if train and others:
            report.compared[modality] = len(train)
            report.leaks |= _leaks(modality, train, stores, others, similarity)
    return report


def _leaks(
    modality: Modality, train: Sequence[MediaUse], stores: FeatureStores, others: Sequence[_Side], similarity: float
) -> dict[Identity, Leak]:
    total = len(train) + sum(len(other.media) for other in others)
    found: dict[Identity, Leak] = {}
    with progress(f"Comparing {modality} features across the split", total, "media") as advance:
        own = mean_features([use.medium for use in train], stores, advance)
        for other in others:
            places, cosines = nearest(own, mean_features(other.media, other.stores, advance))
            for use, place, cosine in zip(train, places.tolist(), cosines.tolist(), strict=True):
                known = found.get(use.medium.identity)
                if cosine >= similarity and (known is None or cosine > known.cosine):
                    rounded = min(1.0, round(cosine, 4))
                    leak = Leak(modality, use.source, other.names[place], rounded, other.benchmark)
                    found[use.medium.identity] = leak
    return found


def _of(media: Sequence[MediaUse], modality: Modality) -> list[MediaUse]:
    return [use for use in media if use.medium.row.modality == modality]


def _benchmark(folder: Path, stores: FeatureStores) -> FeatureStores:
    try:
        found = FeatureStores([folder])
    except InputError as error:
        raise InputError(f"dataset.benchmarks: {error.problem}", error.hint) from None
    for store in stores.stores:
        require_same_encoders(store.fingerprints, found.fingerprints, str(store.folder), str(folder))
    return found


def _side_of(source: FeatureStores, modality: Modality) -> _Side:
    (store,) = source.stores
    rows = {row.key: row for row in store.rows() if row.modality == modality}
    names = [portable_name(row.path) for row in rows.values()]
    return _Side([Medium(0, row) for row in rows.values()], names, source, store.folder.name)
