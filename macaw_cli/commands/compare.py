"""`macaw compare`: several bridges on the same shards and LLM, side by side."""

import os
from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.launched_rank import launched_rank
from macaw_cli.basics.threads import keep_cores
from macaw_cli.commands.shared_options import (
    OUTPUT,
    WORK,
    ConfigOption,
    JsonOption,
    PlanOption,
    SetOption,
    weighted_from_here,
)

DESIGNS, RUNS = "Designs", "Runs"
"""Titles of groups of options."""


def compare(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATASET", help="FOLDER[:WEIGHT] of training shards; default: dataset.out."),
    ] = None,
    *,
    bridges: Annotated[
        list[str] | None,
        typer.Option(
            "--bridges", metavar="LIST", rich_help_panel=DESIGNS,
            help="What to compare, as a YAML list: names, or mappings as in `bridge:` of macaw.yaml, such as "
            "'macaw,mlp,{name: frame-stack, stride: 8},{image: mlp, audio: frame-stack}'.",
        ),
    ] = None,
    injections: Annotated[
        list[str] | None,
        typer.Option(
            "--injections", metavar="LIST", rich_help_panel=DESIGNS,
            help="Injections to compare, each with every bridge, such as none,gated-cross-attention.",
        ),
    ] = None,
    experts: Annotated[
        list[str] | None,
        typer.Option(
            "--experts", metavar="LIST", rich_help_panel=DESIGNS,
            help="Experts whose texts take the place of the media, each a design, such as transcript,transcript+tags; "
            "the dataset must hold them (docs/experts.md).",
        ),
    ] = None,
    from_: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="RUN", rich_help_panel=DESIGNS,
                     help="Compare runs that exist instead of training; repeatable, and further RUNs may follow."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, rich_help_panel=RUNS, help="Runs of each design.")] = 1,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT", rich_help_panel=RUNS,
            help="How long each is trained: 300steps, 2000000tokens or 10minutes; default: the training's settings.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(rich_help_panel=RUNS, help="What the names of the runs begin with.")] = "compare",
    gpus: Annotated[int | None, typer.Option(rich_help_panel=WORK, help="Number of GPUs of each training.")] = None,
    cpu_processes: Annotated[
        int | None, typer.Option(rich_help_panel=WORK, help="Number of CPU processes of each training.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=OUTPUT, help="The page that is written; default: NAME.html, from --name."
        ),
    ] = None,
    plan: PlanOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train and evaluate several bridges on the same data and LLM, and show them side by side.

    Typed again, finished runs are kept and unfinished ones continue.
    """
    keep_cores()
    page = out or Path(f"{name}.html")
    if from_:
        _require_runs_only(
            {"--bridges": bridges, "--injections": injections, "--experts": experts, "--budget": budget,
             "--plan": plan or None}
        )
        from macaw_cli.comparison.run import compare_runs

        compare_runs([*from_, *map(Path, datasets or [])], page, as_json=as_json)
        return
    if launched_rank(os.environ) is not None:
        raise UsageError(
            "macaw compare starts its trainings itself and cannot run under a launcher.", "Use --gpus N instead."
        )
    from macaw_cli.comparison.request import request_of
    from macaw_cli.comparison.run import compare as compare_designs
    from macaw_cli.comparison.run import price

    request = request_of(
        bridges or [], injections or [], budget, [weighted_from_here(text, config) for text in datasets or []],
        experts=experts or (),
        name=name, seeds=seeds, gpus=gpus, cpu_processes=cpu_processes, config=config, overrides=tuple(overrides or ()),
    )  # fmt: skip
    if plan:
        price(request, as_json=as_json)
    else:
        compare_designs(request, page, as_json=as_json)


def _require_runs_only(given: dict[str, object]) -> None:
    """Refuse options of a training beside `--from`."""
    for option, value in given.items():
        if value:
            raise UsageError(f"--from compares runs that exist: {option} means nothing there.", f"Leave {option} out.")
