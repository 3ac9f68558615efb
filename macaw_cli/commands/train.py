"""`macaw train`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import ConfigOption, PlanOption, SetOption, model_from_here, workspace_of


def train(
    dataset: Annotated[Path | None, typer.Argument(help="Folder of training shards; default: dataset.out.")] = None,
    *,
    gpus: Annotated[int | None, typer.Option(help="Number of GPUs, one process each.")] = None,
    cpu_processes: Annotated[int | None, typer.Option(help="Number of CPU processes instead.")] = None,
    bridge: Annotated[str | None, typer.Option(help="macaw, linear or mlp.")] = None,
    llm: Annotated[str | None, typer.Option(help="Folder or hub id of a causal LLM.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished run, if any.")] = False,
    max_steps: Annotated[int | None, typer.Option(help="Stop after this many optimizer steps.")] = None,
    plan: PlanOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Tune the bridge and the LLM on a dataset."""
    workspace = workspace_of(
        config, overrides, bridge__name=bridge, llm=model_from_here(llm), training__max_steps=max_steps
    )
    from macaw_cli.training.run import train as train_run

    train_run(workspace, dataset, gpus=gpus, cpu_processes=cpu_processes, resume=resume, plan=plan)
