"""`macaw build-dataset` from beginning to end.

The same inputs give the same bytes, and a build that was killed goes on where it was. A finished dataset of the same
inputs is left alone; one of other inputs is replaced, but only when the new one is whole, as a user who edits the
sources and types the command again expects. Whoever wants to keep both gives another `--out`.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from macaw_cli.basics.atomic_files import atomic_path, write_bytes, write_json, write_jsonl
from macaw_cli.basics.console import progress, say
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.locks import folder_lock, writer_of
from macaw_cli.basics.owned_folders import require_apart, require_own_folder
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields, mapping_of
from macaw_cli.basics.urls import is_url
from macaw_cli.basics.working_files import make_folder, take_place
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.describing.experts import BuildExperts
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.generated_source import (
    BatchStep,
    GenerationInputs,
    generated_sources,
    require_plan,
    show_generation_plan,
)
from macaw_cli.dataset.inputs import describe_sources, describe_stores, inputs_hash
from macaw_cli.dataset.layout import PlannedShard
from macaw_cli.dataset.leaks import LEAKS_NAME
from macaw_cli.dataset.lock_file import lock_content
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.preparing import Described, Prepared, prepare
from macaw_cli.dataset.presentation import show_counts, show_leaks, show_plan, show_rejects, show_result
from macaw_cli.dataset.publishing import (
    building_folder,
    forget_building,
    is_complete,
    publish,
    require_own_building,
    require_own_files,
)
from macaw_cli.dataset.rejects import REJECTS_NAME, require_few, unusable
from macaw_cli.dataset.rejects_log import first_reason, require_some
from macaw_cli.dataset.shard_work import index_part
from macaw_cli.dataset.source_specs import Source, parse_sources
from macaw_cli.dataset.writing import write_null_entries, write_shards
from macaw_cli.reports.dataset_card import CARD_NAME, dataset_card
from macaw_cli.shards.dataset_lock import DATASET, INDEX_NAME, LOCK_NAME, read_lock, require_whole
from macaw_cli.shards.expert_texts import EXPERTS_NAME
from macaw_cli.shards.feature_store import STORE_NAME
from macaw_cli.shards.remote_store import local_copy_of_store
from macaw_cli.shards.training_rows import SPLITS

SCRATCH_NAME = "scratch"
"""In the building folder: what waits to be written."""
_COUNTS = Fields({"conversations": COUNT})
_BUILT = Fields({"inputs": TEXT, "filters": mapping_of(COUNT), "counts": Fields(dict.fromkeys(SPLITS, _COUNTS))})
"""What a `dataset.json` holds for whoever builds it again."""


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """A finished dataset."""

    folder: Path
    info: dict[str, Any]
    """Its `dataset.json`."""
    up_to_date: bool
    """It was there already, made from the same inputs."""


@dataclass(frozen=True, slots=True)
class _With:
    """What not every build has."""

    chain: FilterChain
    media: MediaFolders | None
    generator: dict[str, Any] | None
    benchmarks: list[Path]
    experts: BuildExperts | None


def build_dataset(
    workspace: Workspace, *, limit: int | None = None, plan: bool = False, probes: int | None = None,
    batch: BatchStep | None = None,
) -> DatasetReport | None:
    """Make the dataset that the settings describe.

    Args:
        workspace: settings `dataset`, `generation` and `seed`; sources and stores are relative to its folder.
        limit: take at most so many conversations of each source.
        plan: only tell what would be done.
        probes: of a plan with generation: real requests to send first.
        batch: of a generation by the Batch API: upload requests, or fetch replies and go on with them.

    Returns:
        The dataset; None when only planning, or while batches are under way.

    Raises:
        UsageError: a source is not written as it should be.
        InputError: a source cannot be read, `dataset.out` is not macaw's or lies in a source, or too many conversations
            were rejected (the others are written).
        DamagedError: a feature store is incomplete.
        MismatchError: feature stores of different encoders.
        ResourceError: the disk is too small.
        LockedError: another command writes there.
    """
    settings = workspace.settings
    out = workspace.path(settings.dataset.out)
    sources = parse_sources(settings.dataset.sources, workspace, limit)
    stores = [_store_folder(workspace.place(store)) for store in settings.dataset.features]
    benchmarks = [_store_folder(workspace.place(store)) for store in settings.dataset.benchmarks]
    if (out / STORE_NAME).exists():
        raise InputError(f"{out} is a feature store; a dataset needs a folder of its own.", "Give another --out.")
    require_own_folder(out, DATASET, "Give another --out.")
    require_own_building(out)
    require_own_files(out)
    folders = [workspace.path(folder) for folder in settings.dataset.media]
    require_apart(out, [*(source.path for source in sources), *stores, *benchmarks, *folders])
    media = MediaFolders(folders) if folders else None
    generation = GenerationInputs(workspace, sources, stores, media)
    surroundings = Surroundings(settings.seed, workspace.root, settings.generation, asks=not plan)
    chain = FilterChain(settings.dataset.filters, surroundings)
    require_plan(plan and settings.dataset.generate, probes)
    if plan and settings.dataset.generate:
        show_generation_plan(generation, probes or 0)
        return None
    if plan:
        with TemporaryDirectory(prefix="macaw-plan-") as scratch:
            show_plan(prepare(sources, stores, settings, chain, Path(scratch), media, benchmarks), out)
        return None
    for store in stores:
        if writer := writer_of(store):
            say(f"{store} is still being written by {writer}; only the shards that it has finished are used.")
    generator = None
    if settings.dataset.generate:
        require_apart(out, [workspace.path(settings.generation.out)], "Give another --out, or generation.out.")
        generated = generated_sources(generation, batch)
        if generated is None:
            return None
        sources, generator = generated.sources, generated.generator
        require_apart(out, [source.path for source in sources])
    with disk_full_is_told(out), folder_lock(out):
        experts = BuildExperts(workspace, stores, media) if settings.dataset.experts else None
        report = _made(out, sources, stores, settings, _With(chain, media, generator, benchmarks, experts))
    removed = unusable(report.info["filters"])
    kept = sum(counts["conversations"] for counts in report.info["counts"].values())
    show_result(report.info, out, up_to_date=report.up_to_date)
    rejects = out / REJECTS_NAME
    require_few(removed, kept, settings.dataset.max_reject_ratio, str(rejects), first_reason(rejects))
    return report


def _made(
    out: Path, sources: list[Source], stores: list[Path], settings: Settings, more: _With
) -> DatasetReport:
    described: dict[str, Any] = {"sources": describe_sources(sources), "feature_stores": describe_stores(stores)}
    described["benchmarks"] = describe_stores(more.benchmarks)
    described |= {"generator": more.generator} if more.generator else {}
    listing = described["media_folders"] = more.media.listing() if more.media else ""
    described["inputs"] = inputs_hash(
        described["sources"], described["feature_stores"], settings, listing, described["benchmarks"],
        more.experts.described if more.experts else (),
    )  # fmt: skip
    if _is_current(out, described["inputs"]):
        forget_building(out)
        return DatasetReport(out, _read_built(out), up_to_date=True)
    building = building_folder(out, described["inputs"])
    if not is_complete(building):
        scratch = building / SCRATCH_NAME
        make_folder(scratch)
        experts = Described(more.experts, out) if more.experts else None
        prepared = prepare(sources, stores, settings, more.chain, scratch, more.media, more.benchmarks, experts)
        require_some(prepared.conversations, prepared.rejects, out / REJECTS_NAME)
        show_counts(prepared)
        show_rejects(prepared, out / REJECTS_NAME)
        show_leaks(prepared, out / LEAKS_NAME)
        _write(prepared, described, building, settings)
    publish(building, out)
    return DatasetReport(out, _read_built(out), up_to_date=False)


def _read_built(out: Path) -> dict[str, Any]:
    info = read_lock(out)
    _BUILT.checked(info, str(out / LOCK_NAME))
    return info


def _is_current(out: Path, inputs: str) -> bool:
    """Whether `out` holds a whole dataset of these inputs; says so when it holds another."""
    if not (out / LOCK_NAME).is_file():
        return False
    try:
        info = _read_built(out)
        require_whole(out, info)
    except DamagedError as error:
        say(f"{error.problem} It is built again.")
        return False
    if info["inputs"] != inputs:
        say(f"{out} was made from other inputs. It will be replaced once the new dataset is complete.")
    return bool(info["inputs"] == inputs)


def _write(prepared: Prepared, described: dict[str, Any], building: Path, settings: Settings) -> None:
    require_free_space(building, prepared.nbytes)
    prepared.rejects.write(building / REJECTS_NAME)
    write_jsonl(building / LEAKS_NAME, prepared.leaks.rows if prepared.leaks else [])
    with progress("Writing samples", sum(prepared.planned.samples.values()), "samples") as advance:
        shards = write_shards(prepared, building, settings.dataset.workers, advance)
    null_shard, nulls = write_null_entries(prepared.stores, building)
    index = _joined_index(building, prepared.shards)
    entries = [*shards, null_shard] if null_shard else shards
    texts = building / EXPERTS_NAME if prepared.described else None
    if texts:
        take_place(prepared.folder / EXPERTS_NAME, texts)
    info = lock_content(prepared, described, entries, nulls, index, settings, texts)
    write_bytes(building / CARD_NAME, dataset_card(info))
    write_json(building / LOCK_NAME, info)


def _joined_index(building: Path, shards: Sequence[PlannedShard]) -> Path:
    index = building / INDEX_NAME
    with atomic_path(index) as temporary, temporary.open("wb") as whole:
        for shard in shards:
            with index_part(building, shard.name).open("rb") as part:
                shutil.copyfileobj(part, whole)
    return index


def _store_folder(place: str) -> Path:
    return local_copy_of_store(place) if is_url(place) else Path(place)
