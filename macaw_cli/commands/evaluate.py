"""`macaw evaluate`: whether a model uses its media."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from macaw_cli.basics.command_line import same_config
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.threads import keep_cores
from macaw_cli.commands.judge_options import judge_of, require_judged
from macaw_cli.commands.option_forms import require_none
from macaw_cli.commands.shared_options import OUTPUT, ConfigOption, JsonOption, SetOption, workspace_of
from macaw_cli.commands.task_options import ask_tasks, task_from_here

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from macaw_cli.config.loading import Workspace
    from macaw_cli.evaluation.figures.thresholds import Threshold

QUESTIONS, IN_CONTEXT, BENCHMARKS = "Held-out questions", "In context", "Benchmarks"
"""Titles of groups of options."""


def evaluate(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL] [OTHER]",
            help="A run or model folder; default: the newest one of the workspace. With a second one both are asked "
            "the same questions, and their differences are told.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", rich_help_panel=QUESTIONS,
            help="Dataset whose held-out questions are used; default: the one that the run was trained on.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", rich_help_panel=QUESTIONS, help="Most questions of each kind, also of a task."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--task", metavar="NAME:PATH[?OPTIONS]", rich_help_panel=BENCHMARKS,
            help="Ask a benchmark of docs/tasks.md instead, such as pope:annotations?media=val2014; repeatable.",
        ),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under", metavar="FIGURE=VALUE", rich_help_panel=OUTPUT,
            help="Exit with code 1 where a figure is below the value, such as reliance=0.3 or image.accuracy=0.8, or "
            "one that counts errors is above it, such as audio.wer.real=0.2; repeatable.",
        ),
    ] = None,
    choices: Annotated[
        Path | None,
        typer.Option(
            "--choices", metavar="FILE", rich_help_panel=QUESTIONS,
            help="Possible answers, one a line, to questions that have none: the likeliest one counts.",
        ),
    ] = None,
    reasoning: Annotated[
        Literal["none", "one-prompt", "rationale-then-answer"] | None,
        typer.Option("--reasoning", rich_help_panel=IN_CONTEXT, help="Answer by chain of thought as well."),
    ] = None,
    shots: Annotated[
        int | None,
        typer.Option(
            "--shots", metavar="K", rich_help_panel=IN_CONTEXT,
            help="Show K conversations of the training split before each question.",
        ),
    ] = None,
    demonstrations: Annotated[
        Literal["random", "nearest"] | None,
        typer.Option(
            "--demonstrations", rich_help_panel=IN_CONTEXT,
            help="Which: drawn at random, or those with the nearest media, by cached features.",
        ),
    ] = None,
    permutations: Annotated[
        int | None,
        typer.Option(
            "--permutations", metavar="P", rich_help_panel=IN_CONTEXT,
            help="Ask in P orders of them (6 at most): mean, standard deviation, ensemble.",
        ),
    ] = None,
    clean: Annotated[
        Path | None,
        typer.Option(
            "--clean", metavar="OUT", rich_help_panel=OUTPUT,
            help="Folder for the questions that need their media, and for the training examples that can be guessed.",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge", metavar="MODEL", rich_help_panel=QUESTIONS,
            help="Let an LLM behind an OpenAI-compatible API score the generated answers (evaluation.judge).",
        ),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost", metavar="DOLLARS", rich_help_panel=QUESTIONS,
            help="Most US dollars that the judge may cost, in all runs with the same ledger.",
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure accuracy, reliance and preference with real, without and with swapped media."""
    keep_cores()
    workspace = workspace_of(
        config, overrides, evaluation__data=data, evaluation__limit=limit, evaluation__shots=shots,
        evaluation__demonstrations=demonstrations, evaluation__permutations=permutations,
        evaluation__tasks=[task_from_here(task, config) for task in tasks or []],
        evaluation__choices=choices, evaluation__reasoning=reasoning,
        evaluation__judge__model=judge, evaluation__judge__max_cost=max_cost,
    )  # fmt: skip
    if not workspace.settings.evaluation.shots:
        require_none({"--demonstrations": demonstrations, "--permutations": permutations}, "--shots")
    if not workspace.settings.evaluation.judge.model:
        require_none({"--max-cost": max_cost}, "--judge")

    from macaw_cli.evaluation.figures.thresholds import require_reached, thresholds_of

    thresholds = thresholds_of(fail_under or [])
    several = len(models or []) > 1 or workspace.settings.evaluation.tasks or workspace.settings.evaluation.shots
    if clean is not None and several:
        raise UsageError("--clean takes one model, without --task and --shots.", "Leave out one of them.")
    if workspace.settings.evaluation.tasks:
        _require_dataset(
            {"--shots": shots, "--reasoning": reasoning, "--choices": choices, "--judge": judge,
             "--max-cost": max_cost, "--data": data}
        )  # fmt: skip
        ask_tasks(models or [], workspace, thresholds, as_json=json)
        return
    if len(models or []) > 1:
        if workspace.settings.evaluation.judge.model:
            raise UsageError(
                "A judge takes one model, and two are named.",
                "Evaluate each alone, or leave out --judge (evaluation.judge.model).",
            )
        _compare(models or [], workspace, thresholds, as_json=json)
        return
    scored_by = judge_of(workspace)
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.all_tables import tables_of
    from macaw_cli.evaluation.cleaning.clean import clean_lines
    from macaw_cli.evaluation.in_context.reasoning_table import reasoning_lines
    from macaw_cli.evaluation.presentation import verdict_lines
    from macaw_cli.evaluation.run import evaluation_of

    evaluation = evaluation_of(workspace, models[0] if models else None, clean, scored_by, thresholds)
    figures = evaluation.figures
    if json:
        result_json(figures)
        require_judged(figures, evaluation.failure)
        require_reached(figures, thresholds)
        return
    for title, columns, rows in tables_of(figures):
        print_table(title, columns, rows)
    for line in [*reasoning_lines(figures), *verdict_lines(figures), *(clean_lines(figures["clean"]) if clean else [])]:
        result(line)
    same = same_config("evaluate")
    where = f" Figures and answers: {evaluation.written}." if evaluation.written else ""
    result(f"Evaluated {figures['model']} on {figures['data']}.{where} Next: macaw chat{same}, or macaw export{same}")
    require_judged(figures, evaluation.failure)
    require_reached(figures, thresholds)


def _require_dataset(given: "Mapping[str, object]") -> None:
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} is about the questions of a dataset, not about those of a task.",
                             f"Leave out {option} or --task.")  # fmt: skip


def _compare(models: "Sequence[Path]", workspace: "Workspace", limits: "Sequence[Threshold]", *, as_json: bool) -> None:
    """Two models on the same questions."""
    if len(models) > 2:
        raise UsageError(f"macaw evaluate compares two models, not {len(models)}.", "Use macaw compare --from RUNS.")
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.difference_tables import COLUMNS, difference_lines, difference_tables
    from macaw_cli.evaluation.figures.thresholds import require_reached
    from macaw_cli.evaluation.two_models import compare_two

    compared = compare_two(workspace, models[0], models[1], limits)
    if as_json:
        result_json(compared)
    else:
        for measure, rows in difference_tables(compared).items():
            print_table(measure.capitalize(), COLUMNS, rows)
        for line in difference_lines(compared):
            result(line)
    require_reached(compared, limits)
