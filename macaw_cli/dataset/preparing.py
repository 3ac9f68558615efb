"""Everything that is decided before a shard is written: what is taken, rejected, held out, and where it goes."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.config.settings import Settings
from macaw_cli.dataset.deciding import Decided, decide
from macaw_cli.dataset.describing.experts import CACHE_NAME, BuildExperts
from macaw_cli.dataset.describing.used_media import used_media
from macaw_cli.dataset.feature_join import FeatureStores, Joiner
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.judging import judge
from macaw_cli.dataset.layout import PlannedShard
from macaw_cli.dataset.leaking import LeakCheck
from macaw_cli.dataset.leaks import LEAK, LeakReport
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.mixing import mix
from macaw_cli.dataset.planning import Planned, plan
from macaw_cli.dataset.reading import Reading
from macaw_cli.dataset.rejects_log import RejectsLog
from macaw_cli.dataset.source_specs import Source

MEGABYTE = 1_000_000
INDEX_BYTES_PER_CONVERSATION = 500


@dataclass(frozen=True, slots=True)
class Described:
    """Who describes the media of a build."""

    experts: BuildExperts
    out: Path
    """Folder of the dataset, which keeps what is known of media."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset that only has to be written."""

    sources: Sequence[Source]
    folder: Path
    """Where its conversations wait."""
    decided: Decided
    planned: Planned
    rejects: RejectsLog
    stores: FeatureStores
    filters: Sequence[str]
    """Names of the chosen filters."""
    described: Sequence[dict[str, Any]] = ()
    """The experts whose texts wait in `folder`."""
    leaks: LeakReport | None = None
    """Training media that are nearly the same as held-out ones; None where they were not compared."""

    @property
    def shards(self) -> Sequence[PlannedShard]:
        """What is written, in order."""
        return self.planned.shards

    @property
    def conversations(self) -> int:
        """How many are used."""
        return sum(self.decided.conversations.values())

    @property
    def nbytes(self) -> int:
        """About how much will be written."""
        return sum(shard.nbytes for shard in self.shards) + INDEX_BYTES_PER_CONVERSATION * self.conversations


def prepare(
    sources: Sequence[Source], store_folders: Sequence[Path], settings: Settings, chain: FilterChain, folder: Path,
    media_folders: MediaFolders | None = None, benchmarks: Sequence[Path] = (), experts: Described | None = None,
) -> Prepared:
    """Read the sources, join them with features, filter, split, lay out the shards, and have media described.

    Args:
        sources: what to read.
        store_folders: feature stores.
        settings: the workspace's.
        chain: the chosen filters.
        folder: for what is read; it is in memory for no longer than each row takes.
        media_folders: where files are looked up by name.
        benchmarks: feature stores whose media must not be trained on.
        experts: what describes media; None describes none.

    Raises:
        InputError: a source or a feature store cannot be read, or an expert lacks a file.
        DamagedError: a feature store is incomplete.
        MismatchError: the feature stores do not belong together.
    """  # fmt: skip
    joiner = Joiner(store_folders, media_folders)
    dataset = settings.dataset
    drop = dataset.leak_check == "drop"
    with closing(Reading(folder, joiner, chain, settings.seed)) as reading:
        reading.read(sources)
        judge(reading, folder, sources, chain)
        mix(reading, folder, sources, dataset)
        leaks = LeakCheck(joiner.stores, dataset.leak_similarity, benchmarks, drop)
        checked = None if dataset.leak_check == "off" else leaks
        decided = decide(reading, folder, sources, dataset.val_fraction, settings.seed, checked)
        planned = plan(reading, folder, decided.conversations, dataset.shard_megabytes * MEGABYTE)
        if experts is not None:
            used = used_media(reading, folder, decided.conversations["train"], sources)
            experts.experts.describe(used, joiner.stores, experts.out / CACHE_NAME, folder)
    names = [*chain.names, LEAK] if drop else chain.names
    return Prepared(
        sources, folder, decided, planned, reading.rejects, joiner.stores, names,
        experts.experts.described if experts else (), checked.report if checked else None,
    )  # fmt: skip
