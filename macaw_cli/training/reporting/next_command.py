"""What to type next: a command that means what was just planned or trained, wherever its settings came from."""

import os
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


def command_to_chat(run: Path) -> str:
    """`macaw chat`, with the run's folder unless it is what `macaw chat` takes by itself in the current folder.

    Args:
        run: the trained run.
    """
    from macaw_cli.model.folder import newest_model

    try:
        is_newest = newest_model(open_workspace()).resolve().parent == run.resolve()
    except MacawError:  # of a macaw.yaml here that this training did not read
        is_newest = False
    near = os.path.relpath(run)
    return "macaw chat" if is_newest else to_type("macaw", "chat", run if near.startswith("..") else Path(near))
