"""`macaw evaluate`: whether a model uses its media."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.command_line import same_config
from macaw_cli.basics.threads import keep_cores
from macaw_cli.commands.shared_options import OUTPUT, ConfigOption, JsonOption, ModelArgument, SetOption, workspace_of

QUESTIONS = "Held-out questions"
"""Title of a group of options."""


def evaluate(
    model: ModelArgument = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", rich_help_panel=QUESTIONS, help="Dataset whose held-out questions are used."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", rich_help_panel=QUESTIONS, help="Most questions of each kind.")
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under", metavar="FIGURE=VALUE", rich_help_panel=OUTPUT,
            help="Exit with code 1 where a figure is below the value, such as reliance=0.3 or image.accuracy=0.8; "
            "repeatable.",
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure accuracy, reliance and preference with real, without and with swapped media."""
    keep_cores()
    workspace = workspace_of(config, overrides, evaluation__data=data, evaluation__limit=limit)

    from macaw_cli.evaluation.thresholds import require_reached, thresholds_of

    thresholds = thresholds_of(fail_under or [])
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.presentation import (
        COLUMNS,
        MEDIUM_COLUMNS,
        TEXT_COLUMNS,
        medium_rows,
        table_rows,
        text_rows,
        verdict_lines,
    )
    from macaw_cli.evaluation.run import evaluate_folder

    figures = evaluate_folder(workspace, model)
    if json:
        result_json(figures)
        require_reached(figures, thresholds)
        return
    print_table("Held-out questions", COLUMNS, table_rows(figures))
    if media := medium_rows(figures):
        print_table("Reliance on each medium", MEDIUM_COLUMNS, media)
    if texts := text_rows(figures):
        print_table("Answers without choices", TEXT_COLUMNS, texts)
    for line in verdict_lines(figures):
        result(line)
    same = same_config("evaluate")
    result(f"Evaluated {figures['model']}. Next: macaw chat{same}, or macaw export{same}")
    require_reached(figures, thresholds)
