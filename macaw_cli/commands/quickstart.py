"""`macaw quickstart`: the whole pipeline on a small generated dataset."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.option_forms import names_of
from macaw_cli.commands.shared_options import JsonOption, SetOption


def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Workspace to create.")] = Path("macaw-quickstart"),
    controls: Annotated[
        bool, typer.Option("--controls", help="Also train with shuffled answers, which should end at chance level.")
    ] = False,
    kinds: Annotated[
        str | None,
        typer.Option("--kinds", metavar="NAMES", help="Further kinds of questions: two-images, earlier-turn, or both."),
    ] = None,
    modalities: Annotated[
        str | None, typer.Option("--modalities", metavar="NAMES", help="Modalities of the world, such as image,series.")
    ] = None,
    json: JsonOption = False,
    overrides: SetOption = None,
) -> None:
    """Run the whole pipeline on a small generated dataset, offline, on a CPU."""
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.presentation import COLUMNS, TEXT_COLUMNS, table_rows, text_rows
    from macaw_cli.quickstart.run import run_quickstart

    further = names_of(kinds, "--kinds", "two-images,earlier-turn")
    names = names_of(modalities, "--modalities", "image,series")
    outcome = run_quickstart(folder, overrides or [], modalities=names, kinds=further, controls=controls)
    if json:
        result_json(outcome)
        return
    print_table("Held-out accuracy", COLUMNS, table_rows(outcome["figures"]))
    if written := text_rows(outcome["figures"]):
        print_table("Answers without choices", TEXT_COLUMNS, written)
    if "controls" in outcome:
        print_table("Control: trained with shuffled answers", COLUMNS, table_rows(outcome["controls"]))
    result(f"See {outcome['report']} and {outcome['plot']}")
    result(f"Next: {outcome['chat']}")
