"""`macaw train`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.launched_rank import adopt, launched_rank
from macaw_cli.basics.threads import keep_cores
from macaw_cli.commands.shared_options import (
    WORK,
    ConfigOption,
    JsonOption,
    PlanOption,
    SetOption,
    model_from_here,
    weighted_from_here,
    workspace_of,
)
from macaw_cli.config.recipes import Preset

MODEL, RUN = "Model and recipe", "Run"
"""Titles of groups of options."""


def train(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATASET",
            help="FOLDER[:WEIGHT] of training shards; default: dataset.out. Several are mixed: weight 2 uses each "
            "conversation twice per epoch, 0.5 a different half of them in each epoch.",
        ),
    ] = None,
    *,
    bridge: Annotated[
        str | None, typer.Option(rich_help_panel=MODEL, help="Its design, such as mlp: see docs/bridges.md.")
    ] = None,
    llm: Annotated[str | None, typer.Option(rich_help_panel=MODEL, help="Folder or hub id of a causal LLM.")] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", rich_help_panel=MODEL, help="Go on with this model folder, imported checkpoint or run."
        ),
    ] = None,
    preset: Annotated[
        Preset | None,
        typer.Option(
            rich_help_panel=MODEL, help="Use `training` and `bridge` of a preset instead of those in macaw.yaml."
        ),
    ] = None,
    gpus: Annotated[int | None, typer.Option(rich_help_panel=WORK, help="Number of GPUs, one process each.")] = None,
    cpu_processes: Annotated[
        int | None, typer.Option(rich_help_panel=WORK, help="Number of CPU processes, instead of GPUs.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(rich_help_panel=WORK, help="Stop after this many optimizer steps.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=RUN, help="Name of the run, or which one to resume.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=RUN, help="Continue the newest unfinished run, if any.")
    ] = False,
    plan: PlanOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train the bridge and the LLM on one or several datasets.

    torchrun, srun and the deepspeed launcher can start it on one or several machines, once per process.
    """
    keep_cores()
    _require_possible(resume=resume, plan=plan)
    launched = launched_rank(os.environ)
    if launched is not None:
        adopt(launched)
    if launched is not None and launched.rank > 0:
        if not plan:
            from macaw_cli.training.launching.external_launcher import follow

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
        training__start_from=Path(start_from) if start_from else None,
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
            "--plan and --resume cannot be combined: a plan describes a whole run.",
            "Leave one of them out. `macaw inspect` shows how far the runs are.",
        )
