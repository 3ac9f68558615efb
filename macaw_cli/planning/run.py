"""`macaw train --plan`: what a training would be, printed; nothing is trained."""

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.launched_rank import LaunchedRank
from macaw_cli.config.loading import Workspace
from macaw_cli.config.recipes import GPUS, Preset
from macaw_cli.training.processes import on_processes, planned_processes


def plan_training(
    workspace: Workspace,
    *,
    gpus: int | None = None,
    cpu_processes: int | None = None,
    launched: LaunchedRank | None = None,
    preset: Preset | None = None,
    as_json: bool = False,
) -> None:
    """Print steps, memory and time of a training.

    Args:
        workspace: its settings hold.
        gpus: number of GPUs, one process each; without a number of processes, as many as the preset is written for.
        cpu_processes: number of CPU processes instead.
        launched: this process's part where another launcher has started all of them.
        preset: the preset whose recipe the settings hold.
        as_json: print one JSON object.

    Raises:
        UsageError: settings or options that cannot be.
        InputError: no usable dataset or LLM.
        MismatchError: encoders that differ.
    """
    if preset in GPUS and gpus is None and cpu_processes is None and launched is None:
        gpus = GPUS[preset]
        say(f"The preset {preset} is written for {counted(gpus, 'GPU')}. Use --gpus to plan for another number.")
    processes = planned_processes(workspace.settings.training, gpus, cpu_processes, launched)
    from macaw_cli.planning.plan_report import show_plan
    from macaw_cli.training.tuning.start_settings import with_start

    show_plan(on_processes(with_start(workspace), processes), processes, as_json=as_json)
