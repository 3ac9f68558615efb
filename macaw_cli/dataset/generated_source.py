"""Generation as a part of a build: items of the sources go to the model, what it writes comes back as a source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.generation.askable import askable_items
from macaw_cli.dataset.generation.endpoint import require_key
from macaw_cli.dataset.generation.estimate import estimates, seconds_needed
from macaw_cli.dataset.generation.folder import LEDGER_FILES
from macaw_cli.dataset.generation.generate import conversations_file, generate, probe, require_own_generation
from macaw_cli.dataset.generation.generator import Generator, learn_from_ledger, make_generator, require_settings
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.media_files import MediaFiles
from macaw_cli.dataset.generation.presentation import show_estimate, show_generated
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.source_specs import Source


@dataclass(frozen=True, slots=True)
class GeneratedSources:
    """The sources of a build after a generation."""

    sources: list[Source]
    generator: dict[str, Any]
    """What made the generated one, for `dataset.json`."""


def with_generated(
    workspace: Workspace, sources: Sequence[Source], stores: Sequence[Path], media: MediaFolders | None = None
) -> GeneratedSources:
    """Generate conversations about the items of the sources.

    Args:
        workspace: settings `generation` and `seed`.
        sources: their conversations are used as they are, their items are asked about.
        stores: folders with features; items without features are not asked about.
        media: where files are looked up by name.

    Raises:
        UsageError: a setting is missing or wrong, or the API key is missing.
        InputError: a source or store cannot be read, the folder of the generation is not macaw's, or the API refuses.
        Interrupted: SIGINT or SIGTERM.
        ResourceError: the ledger cannot be written.
    """
    settings = workspace.settings
    require_settings(settings.generation)
    require_key(settings.generation)
    folder = workspace.path(settings.generation.out)
    require_own_generation(folder, [*(source.path for source in sources), *stores])
    askable = askable_items(sources, stores, settings.seed, media)
    generator = make_generator(workspace, askable.items, _media_files(workspace, sources))
    report = generate(generator, folder, askable.rejects, lambda row: "", settings.seed)
    show_generated(report, folder)
    generated = Source(
        number=len(sources),
        format="jsonl",
        name=str(Path(settings.generation.out) / conversations_file(folder).name),
        path=conversations_file(folder),
    )
    return GeneratedSources(
        [*(replace(source, items=False) for source in sources), generated], report["generator"]
    )


def show_generation_plan(
    workspace: Workspace, sources: Sequence[Source], stores: Sequence[Path], probes: int = 0,
    media: MediaFolders | None = None,
) -> None:
    """What a generation would cost, on stdout.

    Args:
        workspace: settings `generation` and `seed`.
        sources: whose items would be asked about.
        stores: folders with features.
        probes: real requests to send first, to measure replies; they are kept in the ledger and used later.
        media: where files are looked up by name.

    Raises:
        UsageError: a setting is missing or wrong, or the API key is missing.
        InputError: as `with_generated`.
    """  # fmt: skip
    require_settings(workspace.settings.generation)
    if probes:
        require_key(workspace.settings.generation)
    folder = workspace.path(workspace.settings.generation.out)
    require_own_generation(folder, [*(source.path for source in sources), *stores])
    askable = askable_items(sources, stores, workspace.settings.seed, media)
    generator = make_generator(workspace, askable.items, _media_files(workspace, sources))
    if probes:
        probe(generator, folder, probes)
    seconds = _learned(generator, folder)
    kinds = estimates(generator)
    show_estimate(generator, kinds, seconds_needed(generator, kinds, seconds))


def _media_files(workspace: Workspace, sources: Sequence[Source]) -> MediaFiles:
    return MediaFiles({source.number: source.path.parent for source in sources}, [workspace.root])


def require_plan(plan: bool, probes: int | None) -> None:
    """Refuse `--probe` where no plan follows.

    Raises:
        UsageError: it was given alone.
    """
    if probes is not None and not plan:
        raise UsageError("--probe measures replies for a plan.", "Add --plan, or leave --probe out.")


def _learned(generator: Generator, folder: Path) -> float | None:
    """Learn from earlier replies; returns their mean seconds."""
    if not (folder / LEDGER_FILES[0]).is_file():
        return None
    ledger = Ledger(folder)
    try:
        learn_from_ledger(generator, ledger)
        return ledger.mean_seconds(generator.sampling.model)
    finally:
        ledger.close()
