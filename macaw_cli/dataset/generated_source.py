"""Generation as a part of a build: items of the sources go to the model, what it writes comes back as a source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from macaw_cli.basics.atomic_files import iterate_jsonl
from macaw_cli.basics.console import result, say
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.generation.askable import askable_items
from macaw_cli.dataset.generation.batch_api import collect, submit
from macaw_cli.dataset.generation.collecting import Filter
from macaw_cli.dataset.generation.endpoint import require_key
from macaw_cli.dataset.generation.estimate import answered_requests, estimates, seconds_needed
from macaw_cli.dataset.generation.examples import Row
from macaw_cli.dataset.generation.folder import LEDGER_FILES, REJECTS_NAME
from macaw_cli.dataset.generation.generate import (
    conversations_file,
    generate,
    opened_ledger,
    probe,
    require_own_generation,
)
from macaw_cli.dataset.generation.generator import Generator, make_generator, require_settings
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.media_files import MediaFiles
from macaw_cli.dataset.generation.presentation import show_estimate, show_generated
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.source_specs import Source

BatchStep = Literal["submit", "collect"]


@dataclass(frozen=True, slots=True)
class GenerationInputs:
    """What a generation is made from.

    Attributes:
        workspace: settings `generation` and `seed`.
        sources: their conversations are used as they are, their items are asked about.
        stores: folders with features; items without features are not asked about.
        media: where files are looked up by name.
    """

    workspace: Workspace
    sources: Sequence[Source]
    stores: Sequence[Path]
    media: MediaFolders | None = None


@dataclass(frozen=True, slots=True)
class GeneratedSources:
    """The sources of a build after a generation."""

    sources: list[Source]
    generator: dict[str, Any]
    """What made the generated one, for `dataset.json`."""


def generated_sources(inputs: GenerationInputs, batch: BatchStep | None = None) -> GeneratedSources | None:
    """Generate conversations about the items of the sources.

    Args:
        inputs: what to generate from.
        batch: upload the requests to the Batch API, or fetch its replies and use only the ledger.

    Returns:
        The sources to build from; None while batches are under way.

    Raises:
        UsageError: a setting is missing or wrong, or the API key is missing.
        InputError: a source or store cannot be read, the folder of the generation is not macaw's, the API refuses, or
            no example can be used.
        Interrupted: SIGINT or SIGTERM.
        ResourceError: the ledger cannot be written, or `generation.max_cost` is too small for a batch.
    """
    filters = _filters(inputs.workspace)
    generator, folder, rejects = _prepared(inputs, needs_key=True)
    if batch == "submit":
        _submit(generator, folder)
        return None
    if batch == "collect" and not _collect(generator, folder):
        return None
    settings = inputs.workspace.settings
    report = generate(generator, folder, rejects, filters, settings.seed, ask=batch is None)
    show_generated(report, folder)
    file = conversations_file(folder)
    if not file.stat().st_size:
        first = next(iterate_jsonl(folder / REJECTS_NAME), None)
        raise InputError(
            "The LLM wrote no example that can be used" + (f". The first reason: {first['reason']}." if first else "."),
            f"See {folder / REJECTS_NAME}.",
        )
    name = str(Path(settings.generation.out) / file.name)
    generated = Source(number=len(inputs.sources), format="jsonl", name=name, path=file)
    sources = [*(replace(source, items=False) for source in inputs.sources), generated]
    return GeneratedSources(sources, report["generator"])


def show_generation_plan(inputs: GenerationInputs, probes: int = 0) -> None:
    """What a generation would cost, on stdout.

    Args:
        inputs: what to generate from.
        probes: real requests to send first, to measure replies; they are kept in the ledger and used later.

    Raises:
        UsageError: a setting is missing or wrong, or the API key is missing.
        InputError: as `generated_sources`.
    """
    _filters(inputs.workspace)
    generator, folder, _ = _prepared(inputs, needs_key=bool(probes))
    if probes:
        probe(generator, folder, probes)
    seconds, answered = _learned(generator, folder)
    kinds = estimates(generator)
    show_estimate(generator, kinds, seconds_needed(generator, kinds, seconds), answered)


def require_plan(plan: bool, probes: int | None) -> None:
    """Refuse `--probe` where no plan follows.

    Raises:
        UsageError: it was given alone.
    """
    if probes is not None and not plan:
        raise UsageError("--probe measures replies for a plan.", "Add --plan, or leave --probe out.")


def _prepared(inputs: GenerationInputs, *, needs_key: bool) -> tuple[Generator, Path, list[Row]]:
    """What is asked, the folder of the generation, and rows of items that cannot be asked about."""
    settings = inputs.workspace.settings
    require_settings(settings.generation)
    if needs_key:
        require_key(settings.generation)
    folder = inputs.workspace.path(settings.generation.out)
    require_own_generation(folder, [*(source.path for source in inputs.sources), *inputs.stores])
    askable = askable_items(
        inputs.sources, inputs.stores, settings.seed, inputs.media, needs_text=not settings.generation.show_media
    )
    if askable.rejects:
        first = askable.rejects[0]
        told = f"{first['file']}, row {first['row']}: {first['reason']}"
        if not askable.items:
            raise InputError(f"None of the {len(askable.rejects):,} items can be used. The first reason: {told}.")
        say(f"{len(askable.rejects):,} items are left out. The first: {told}")
    folders = {source.number: source.path.parent for source in inputs.sources}
    files = MediaFiles(folders, [inputs.workspace.root], inputs.media)
    return make_generator(inputs.workspace, askable.items, files), folder, askable.rejects


def _submit(generator: Generator, folder: Path) -> None:
    with opened_ledger(folder) as ledger:
        done = submit(generator, ledger)
    result(
        f"{done.requests:,} requests in {done.batches:,} batches were submitted; they cost up to ${done.bound:.2f}."
        " Replies come within 24 hours. Next: the same command with --batch-api collect"
    )


def _collect(generator: Generator, folder: Path) -> bool:
    """Whether no batch is under way any more."""
    with opened_ledger(folder) as ledger:
        waiting = collect(generator, ledger)
    if waiting:
        result(f"{waiting:,} batches are not finished yet. Run the same command again later.")
    return not waiting


def _learned(generator: Generator, folder: Path) -> tuple[float | None, int]:
    """Learn from earlier replies; returns their mean seconds, and how many of the first requests they answer."""
    if not (folder / LEDGER_FILES[0]).is_file():
        return None, 0
    ledger = Ledger(folder)
    try:
        generator.expectation.learn_from(ledger)
        return ledger.mean_seconds(generator.sampling.model), answered_requests(generator, ledger)
    finally:
        ledger.close()


def _filters(workspace: Workspace) -> Filter:
    """What an example has to pass to count.

    Raises:
        UsageError: a filter cannot be used where examples come one by one.
    """
    settings = workspace.settings
    chain = FilterChain(settings.generation.filters, Surroundings(settings.seed, workspace.root))
    chain.require_each_alone("generation.filters")

    def reason(row: Row) -> str:
        removal = chain.reason(row)
        return f"{removal[0]}: {removal[1]}" if removal else ""

    return reason
