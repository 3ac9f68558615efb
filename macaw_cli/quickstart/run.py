"""`macaw quickstart`: make the world, then type the same commands that a user types, and show what came of it."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json, write_json, write_text
from macaw_cli.basics.child import FORWARDED, run_with_signals
from macaw_cli.basics.command_line import typed_command
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError, MacawError, UsageError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.locks import folder_lock
from macaw_cli.basics.owned_folders import FolderKind, marker_content, require_own_folder
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.working_files import kind_of
from macaw_cli.config.loading import CONFIG_NAME, Workspace, open_workspace
from macaw_cli.config.presets import preset_yaml
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.modalities.table import TABLE
from macaw_cli.quickstart.checkpoints import copy_checkpoints
from macaw_cli.quickstart.controls import shuffle_answers
from macaw_cli.quickstart.report import write_report
from macaw_cli.quickstart.world import make_world
from macaw_cli.quickstart.worlds.table import worlds_of

RUN, CONTROL = "quickstart", "shuffled-answers"
DONE_NAME, VERSION = "quickstart.json", 1
"""Its marker: with the world's seed when the world is there."""
STOPPED_BY_A_SIGNAL = tuple(128 + number for number in FORWARDED)
ELSEWHERE = "Name a new folder: macaw quickstart DIR"


def run_quickstart(
    folder: Path, overrides: Sequence[str] = (), *, modalities: Sequence[str] = (), kinds: Sequence[str] = (),
    controls: bool = False,
) -> dict[str, Any]:
    """Run the whole path in `folder`; typed again after an interruption, it continues.

    Args:
        folder: the workspace to make.
        overrides: `--set` values, written into its `macaw.yaml`.
        modalities: of the world; none are the original three.
        kinds: further kinds of questions, see `quickstart.kinds`.
        controls: also train with shuffled answers, which must end at chance.

    Returns:
        `{"workspace", "figures", "controls"?, "report", "plot", "chat"}`.

    Raises:
        UsageError: the folder holds a workspace with other settings, a modality has no world, or the world is too small
            for `kinds`.
        InputError: the folder holds something else.
    """
    overrides = [*_of_worlds(modalities), *overrides]
    if kinds:
        overrides = [f"quickstart.kinds={json.dumps(list(kinds))}", *overrides]
    _require_own(folder, preset_yaml("quickstart", overrides))
    with folder_lock(folder):
        workspace = _workspace(folder, overrides)
        _make_world(workspace)
        figures = _whole_path(workspace)
        outcome: dict[str, Any] = {"workspace": str(folder), "figures": figures}
        if controls:
            outcome["controls"] = _control(workspace)
        write_report(workspace.path("report.html"), workspace, RUN, figures, outcome.get("controls"))
        outcome |= {
            "report": str(folder / "report.html"),
            "plot": str(folder / f"runs/{RUN}/evaluation/reliance.png"),
        }
        return outcome | {"chat": chat_line(workspace)}


def chat_line(workspace: Workspace) -> str:
    """The command to try next, on a held-out file."""
    return f"{to_type('cd', workspace.root)} && {to_type('macaw', 'chat', *_sample(workspace)[:2])}"


def _of_worlds(modalities: Sequence[str]) -> list[str]:
    """`--set` values for a world of these modalities."""
    worlds = worlds_of(modalities)
    if not worlds or [world.modality for world in worlds] == list(QuickstartSettings().modalities):
        return []
    named = json.dumps([world.modality for world in worlds])
    return [f"quickstart.modalities={named}", *(value for world in worlds for value in world.settings)]


def _sample(workspace: Workspace) -> list[str]:
    """Options of `macaw chat` with a held-out file and a question about it."""
    world = worlds_of(workspace.settings.quickstart.modalities)[0]
    option = f"--{world.modality}" if TABLE[world.modality].original else "--media"
    return [option, f"media/heldout/{world.modality}-00000.{world.suffix}", "--prompt", world.sample]


def _workspace(folder: Path, overrides: Sequence[str]) -> Workspace:
    file = folder / CONFIG_NAME
    if not (folder / DONE_NAME).exists():  # written first, as it makes the folder a quickstart's
        write_json(folder / DONE_NAME, {"version": VERSION})
    if not file.exists():
        write_text(file, preset_yaml("quickstart", overrides))
    return open_workspace(file)


def _require_own(folder: Path, settings: str) -> None:
    """The folder is new, or one in which a quickstart of the same settings was begun."""
    file = folder / CONFIG_NAME
    if kind_of(file) == "a file" and file.read_text(encoding="utf-8", errors="replace") != settings:
        raise UsageError(f"{file} has different settings from those that this quickstart would write.", ELSEWHERE)
    if kind_of(file) and not _is_quickstart(folder) and {path.name for path in folder.iterdir()} == {CONFIG_NAME}:
        return  # `macaw init` wrote it
    require_own_folder(folder, FolderKind("quickstart", _is_quickstart), ELSEWHERE)


def _is_quickstart(folder: Path) -> bool:
    content = marker_content(folder / DONE_NAME)
    if content is None:
        return False
    require_version(content.get("version"), VERSION, folder / DONE_NAME)
    return True


def _make_world(workspace: Workspace) -> None:
    done = workspace.root / DONE_NAME
    if "seed" in (marker_content(done) or {}):
        return
    made = ", ".join(TABLE[world.modality].plural for world in worlds_of(workspace.settings.quickstart.modalities))
    say(f"Making a small world: {made}, and questions about them")
    make_world(workspace.root, seed=workspace.settings.seed, sizes=workspace.settings.quickstart)
    copy_checkpoints(workspace.path("models"))
    write_json(done, {"version": VERSION, "seed": workspace.settings.seed})


def _whole_path(workspace: Workspace) -> dict[str, Any]:
    _type(workspace, "extract-features")
    _type(workspace, "build-dataset")
    _train(workspace, RUN)
    figures = _evaluate(workspace, RUN)
    _type(workspace, "chat", *_sample(workspace))
    if not workspace.path(workspace.settings.export.folder).exists():
        _type(workspace, "export")
    return figures


def _train(workspace: Workspace, name: str, *arguments: str) -> None:
    run = workspace.path(workspace.settings.training.runs) / name
    if (run / "summary.json").exists():
        say(f"{run.name} has been trained already")
        return
    _type(workspace, "train", *arguments, "--set", f"training.name={name}", *(["--resume"] if run.exists() else []))


def _evaluate(workspace: Workspace, name: str) -> dict[str, Any]:
    run = Path(workspace.settings.training.runs) / name
    _type(workspace, "evaluate", str(run))
    figures = read_json(workspace.path(run / "evaluation" / "figures.json"))
    if not isinstance(figures, dict):
        raise InputError(f"{run}/evaluation/figures.json holds no figures.")
    return figures


def _control(workspace: Workspace) -> dict[str, Any]:
    """The honest control: the same training with the answers shuffled within each kind of question."""
    say("Control: the same training with shuffled answers")
    shuffled = shuffle_answers(
        workspace.path("train.jsonl"), workspace.path("train-shuffled.jsonl"), workspace.settings.seed
    )
    sources = json.dumps([f"jsonl:{shuffled.name}", "jsonl:heldout.jsonl"])
    _type(workspace, "build-dataset", "--set", f"dataset.sources={sources}", "--out", "dataset-shuffled")
    _train(workspace, CONTROL, "dataset-shuffled")
    return _evaluate(workspace, CONTROL)


def _type(workspace: Workspace, *words: str) -> None:
    """Run one macaw command in the workspace as a user would, showing it first; its stdout goes to our stderr."""
    say("")
    say(f"$ {to_type('macaw', *words)}")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "macaw_cli", *words]
    if code := run_with_signals(command, workspace.root, environment):
        raise QuickstartStopped(words[0], code)


class QuickstartStopped(MacawError):
    """A command of the quickstart ended with an error, which it has told itself."""

    def __init__(self, command: str, exit_code: int) -> None:
        again = to_type(*typed_command())
        problem, hint = (
            (f"`macaw {command}` was stopped.", f"`{again}` continues with it, and then with the other steps.")
            if exit_code in STOPPED_BY_A_SIGNAL
            else (
                f"`macaw {command}` stopped with exit code {exit_code}; see its message above.",
                f"When that is mended, `{again}` continues.",
            )
        )
        super().__init__(problem, hint)
        self.exit_code = exit_code
