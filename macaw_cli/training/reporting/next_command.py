"""What to type next: a command that means what was just planned or trained, wherever its settings came from."""

import os
from contextlib import suppress
from pathlib import Path

from macaw_cli.basics.command_line import typed_command
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.config.loading import open_workspace
from macaw_cli.training.processes import Processes

NUMBERS = ("--gpus", "--cpu-processes")


def command_to_train(processes: Processes) -> str:
    """The planned training: what was typed without `--plan`, and with the GPUs that it was planned for.

    Args:
        processes: as planned.
    """
    words = typed_command()
    if "train" not in words:
        return "macaw train"
    kept = [word for word in words if word != "--plan"]
    told = any(word.split("=")[0] in NUMBERS for word in kept)
    if processes.device == "cuda" and processes.count > 1 and not (told or processes.elsewhere):
        kept += ["--gpus", str(processes.count)]
    return to_type(*kept)


def command_after(run: Path) -> str:
    """`macaw evaluate`, or `macaw chat` where the workspace's dataset holds nothing out.

    The run's folder is part of it unless the command takes that by itself in the current folder.

    Args:
        run: the trained run.
    """
    from macaw_cli.model.folder import newest_model
    from macaw_cli.shards.training_dataset import TrainingDataset

    is_newest = held_out = False
    with suppress(MacawError):  # of a macaw.yaml here that this training did not read
        workspace = open_workspace()
        with suppress(MacawError):  # no model in its runs
            is_newest = newest_model(workspace).resolve().parent == run.resolve()
        dataset = workspace.path(workspace.settings.evaluation.data or workspace.settings.dataset.out)
        held_out = bool(TrainingDataset(dataset).conversations("val"))
    command, near = "evaluate" if held_out else "chat", os.path.relpath(run)
    if is_newest:
        return f"macaw {command}"
    return to_type("macaw", command, run if near.startswith("..") else Path(near))
