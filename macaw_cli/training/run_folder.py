"""The folder of one training: its name, what it is made of, and whether it is finished.

`runs/<name>/` holds `settings.yaml` (every setting, resolved), `versions.json` (packages, command, data),
`deepspeed.json` (what DeepSpeed was told; one file per stage of a recipe),
`metrics.jsonl` and `tensorboard/` (the course of the training), `checkpoints/` (where it can be continued), `model/`,
and `summary.json`, which is written last and marks a finished run.
"""

import importlib.metadata
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli import __version__
from macaw_cli.basics.atomic_files import write_json, write_text
from macaw_cli.basics.command_line import typed_command
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.locks import is_locked
from macaw_cli.basics.owned_folders import FolderKind, require_apart, require_own_folder
from macaw_cli.basics.redaction import redacted_tree
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, Fields
from macaw_cli.basics.urls import is_url
from macaw_cli.basics.working_files import kind_of
from macaw_cli.config.bridges.designs import bridge_label
from macaw_cli.config.loading import Workspace, settings_yaml
from macaw_cli.config.run_files import VERSIONS
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.reports.run_record import RUN_VERSION

_SECTIONS = (b"version:", b"seed:", b"bridge:", b"features:", b"training:")
"""Stand at the beginning of lines in the settings of every run (`settings_yaml`), and so in no other program's."""
_MOST_BYTES = 1 << 20
PACKAGES = ("deepspeed", "numpy", "safetensors", "tokenizers", "torch", "transformers", "webdataset")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """The resolved settings; the file that makes a folder a run."""
        return self.path / "settings.yaml"

    @property
    def versions_file(self) -> Path:
        """Packages, command and what the run was trained on."""
        return self.path / "versions.json"

    def deepspeed_file(self, stage: str = "") -> Path:
        """The DeepSpeed configuration, of one stage where there are several."""
        return self.path / (f"deepspeed-{stage}.json" if stage else "deepspeed.json")

    @property
    def metrics_file(self) -> Path:
        """One row per `training.log_every` steps, and one per validation."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """Where the run can be continued."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.path / "model"

    @property
    def summary_file(self) -> Path:
        """Written last; it marks a finished run."""
        return self.path / "summary.json"

    @property
    def is_run(self) -> bool:
        """True for a folder that `macaw train` made: its settings are those of every run, and no link."""
        return _is_run(self.path)

    @property
    def is_finished(self) -> bool:
        """True after the model was saved."""
        return self.summary_file.is_file()


def _is_run(folder: Path) -> bool:
    file = folder / "settings.yaml"
    if kind_of(file) != "a file":
        return False
    with file.open("rb") as content:
        begins = {line.split(b" ", 1)[0].strip() for line in content.readlines(_MOST_BYTES)}
    return begins.issuperset(_SECTIONS)


RUN = FolderKind("run", _is_run)
"""The kind of existing folder that `macaw train` may write into."""


@dataclass(frozen=True)
class ChosenRun:
    """The folder to train in."""

    folder: RunFolder
    continues: bool
    """True when the folder is an unfinished run that goes on."""


def choose_run(workspace: Workspace, resume: bool, modalities: Iterable[str] = ()) -> ChosenRun:
    """The run to continue under `--resume`, else a new folder, made here so that no other process takes its name.

    A new run mentions an unfinished one, which stays as it is.

    Args:
        workspace: names the folder of the runs, and perhaps the run.
        resume: continue the newest unfinished run.
        modalities: of the data: a run without a name is called after their bridges.

    Raises:
        InputError: `training.name` names a run that is there already, or a folder that is no run.
    """
    runs = workspace.path(workspace.settings.training.runs)
    name = workspace.settings.training.name
    continued = run_to_continue(workspace) if resume else None
    if continued is not None:
        return ChosenRun(continued, continues=True)
    if name and RunFolder(runs / name).is_run:
        taken = RunFolder(runs / name)
        way_out = "Choose another training.name" + ("." if taken.is_finished else ", or continue it with --resume.")
        raise InputError(f"The run {taken.path} exists already.", way_out)
    if name:
        require_own_place(workspace)
    unfinished = [run for run in _unfinished(runs, name) if not is_locked(run.path)]
    if unfinished:
        say(f"{unfinished[0].path} is not finished; `macaw train --resume` continues it. This starts a new run.")
    return ChosenRun(_new_folder(workspace, runs, modalities), continues=False)


def require_own_place(workspace: Workspace) -> None:
    """Refuse a run of a name whose folder holds something else, or is, contains or lies inside what is trained on.

    Raises:
        InputError: see above.
    """
    settings = workspace.settings.training
    run = workspace.path(settings.runs) / settings.name
    if settings.name:
        require_own_folder(run, RUN, "Choose another name with --run.")
        datasets = [split_weight(text)[0] for text in settings.datasets or (workspace.settings.dataset.out,)]
        models = [workspace.settings.llm, settings.start_from]
        read = [workspace.path(place) for place in [*datasets, *models] if place and not is_url(place)]
        require_apart(run, read, "Choose another name with --run, or another place with --set training.runs.")


def run_to_continue(workspace: Workspace) -> RunFolder | None:
    """The run that `--resume` means: the newest unfinished one, or the one of that name, finished or not."""
    runs, name = workspace.path(workspace.settings.training.runs), workspace.settings.training.name
    unfinished = _unfinished(runs, name)
    if unfinished:
        return unfinished[0]
    named = RunFolder(runs / name)
    return named if name and named.is_run else None


def _unfinished(runs: Path, name: str) -> list[RunFolder]:
    return [run for run in _runs_newest_first(runs) if not run.is_finished and name in ("", run.path.name)]


def _runs_newest_first(runs: Path) -> list[RunFolder]:
    found = [RunFolder(path) for path in runs.iterdir()] if runs.is_dir() else []
    return sorted((run for run in found if run.is_run), key=lambda run: run.settings_file.stat().st_mtime, reverse=True)


def _new_folder(workspace: Workspace, runs: Path, modalities: Iterable[str]) -> RunFolder:
    name, label = workspace.settings.training.name, bridge_label(workspace.settings.bridge, list(modalities))
    while True:
        run = RunFolder(runs / (name or _next_name(runs, label)))
        try:
            run.path.mkdir(parents=True, exist_ok=bool(name))
        except FileExistsError:
            continue  # another training took the number in the same moment
        write_text(run.settings_file, settings_yaml(workspace.settings, redact=True))
        return run


def _next_name(runs: Path, bridge: str) -> str:
    taken = [path.name for path in runs.iterdir()] if runs.is_dir() else []
    numbers = [int(match[1]) for name in taken if (match := re.fullmatch(rf"{re.escape(bridge)}-(\d+)", name))]
    return f"{bridge}-{max(numbers, default=0) + 1}"


def write_versions(run: RunFolder, identity: dict[str, Any]) -> None:
    """Write down what this run is made of.

    Args:
        run: the folder.
        identity: what must be the same when it continues, such as the dataset's hash.
    """
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    content = {
        "version": RUN_VERSION,
        "macaw": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "command": typed_command(),
        "identity": identity,
    }
    write_json(run.versions_file, redacted_tree(content))


def read_identity(run: RunFolder) -> dict[str, Any] | None:
    """What `write_versions` kept of the run's identity; None for a run that ended before it was written.

    Raises:
        MismatchError: a newer macaw wrote the run.
    """
    if not run.versions_file.is_file():
        return None
    content = read_object(run.versions_file, OBJECT)
    require_version(content.get("version"), RUN_VERSION, run.versions_file)
    VERSIONS.checked(content, str(run.versions_file))
    Fields({"identity": OBJECT}).checked(content, str(run.versions_file))
    identity: dict[str, Any] = content["identity"]
    return identity
