"""`macaw train`."""

import os
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.launched_rank import adopt, launched_rank
from macaw_cli.basics.threads import keep_cores
from macaw_cli.commands.shared_options import (
    ConfigOption,
    JsonOption,
    PlanOption,
    SetOption,
    model_from_here,
    weighted_from_here,
    workspace_of,
)
from macaw_cli.config.recipes import Preset


def train(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATASET",
            help="FOLDER[:WEIGHT] of training shards; default: dataset.out. Several are mixed: weight 2 takes each "
            "conversation twice an epoch, 0.5 another half of them each epoch.",
        ),
    ] = None,
    *,
    gpus: Annotated[int | None, typer.Option(help="Number of GPUs, one process each.")] = None,
    cpu_processes: Annotated[int | None, typer.Option(help="Number of CPU processes instead.")] = None,
    bridge: Annotated[str | None, typer.Option(help="frame-stack, linear, macaw or mlp.")] = None,
    llm: Annotated[str | None, typer.Option(help="Folder or hub id of a causal LLM.")] = None,
    preset: Annotated[
        Preset | None, typer.Option(help="Take `training` and `bridge` of a preset instead of macaw.yaml's.")
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run, or which one to resume.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished run, if any.")] = False,
    max_steps: Annotated[int | None, typer.Option(help="Stop after this many optimizer steps.")] = None,
    plan: PlanOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Tune the bridge and the LLM on a dataset, or on several.

    Started by torchrun, srun or the deepspeed launcher, on one machine or on several, it is one of their processes.
    """
    keep_cores()
    _require_possible(resume=resume, plan=plan)
    launched = launched_rank(os.environ)
    if launched is not None:
        adopt(launched)
    if launched is not None and launched.rank > 0:
        if not plan:
            from macaw_cli.training.launching.launched import follow

            follow(launched)
        return
    workspace = workspace_of(
        config,
        overrides,
        preset=preset,
        training__datasets=[weighted_from_here(text, config) for text in datasets or []],
        training__name=run,
        training__max_steps=max_steps,
        bridge__name=bridge,
        llm=model_from_here(llm),
    )
    if plan:
        from macaw_cli.planning.run import plan_training

        plan_training(
            workspace, gpus=gpus, cpu_processes=cpu_processes, launched=launched, preset=preset, as_json=as_json
        )
        return
    from macaw_cli.training.run import train as train_run

    train_run(
        workspace, gpus=gpus, cpu_processes=cpu_processes, launched=launched, resume=resume, as_json=as_json
    )


def _require_possible(*, resume: bool, plan: bool) -> None:
    if plan and resume:
        raise UsageError(
            "--plan and --resume exclude each other: a plan is that of a whole run.",
            "Leave one of them away; `macaw inspect` shows how far the runs are.",
        )
