"""Reading a checkpoint back, at the number of processes that wrote it or at another one."""

from pathlib import Path

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import DamagedError
from macaw_cli.training.checkpoints.folder import checkpoint_name, read_progress, require_whole
from macaw_cli.training.checkpoints.trust import require_trusted
from macaw_cli.training.checkpoints.universal import universal_checkpoint
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.progress import BestValidation, Progress


def load_checkpoint(folder: Path, engine: TrainingEngine, progress: Progress) -> None:
    """Load the checkpoint of `progress`; every rank must call it.

    Raises:
        MismatchError: another user wrote it, or it would run code.
        ResourceError: no room for the conversion that another number of processes needs.
    """
    path = folder / checkpoint_name(progress.step)
    require_trusted(path)
    if not engine.settings.zero_stage or progress.world_size == engine.processes.count:
        engine.load(folder, path.name)
        return
    before, now = progress.world_size, engine.processes.count
    say(f"{path.name} is converted from {before} to {counted(now, 'process', 'processes')}")
    with universal_checkpoint(path) as converted:
        engine.load(converted.parent, converted.name, universal=True)


def load_best(folder: Path, engine: TrainingEngine, best: BestValidation) -> None:
    """Load the checkpoint with the lowest validation loss; every rank must call it.

    Raises:
        DamagedError: it does not exist, or not whole.
    """
    path = folder / checkpoint_name(best.step)
    try:
        require_whole(path)
    except DamagedError as error:
        raise DamagedError(
            f"The checkpoint with the lowest validation loss cannot be read: {error.problem}",
            "Add --set training.model_from=last --resume to use the last weights.",
        ) from error
    load_checkpoint(folder, engine, read_progress(path))
