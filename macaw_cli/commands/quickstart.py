"""`macaw quickstart`: the whole pipeline on a small generated dataset."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import JsonOption, SetOption


def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Workspace to create.")] = Path("macaw-quickstart"),
    controls: Annotated[
        bool, typer.Option("--controls", help="Also train with shuffled answers, which should end at chance level.")
    ] = False,
    kinds: Annotated[
        str,
        typer.Option("--kinds", metavar="NAMES", help="Further kinds of questions: two-images, earlier-turn, or both."),
    ] = "",
    modalities: Annotated[
        str, typer.Option("--modalities", metavar="NAMES", help="Modalities of the world, such as image,series.")
    ] = "",
    json: JsonOption = False,
    overrides: SetOption = None,
) -> None:
    """Run the whole pipeline on a small generated dataset, offline, on a CPU."""
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.presentation import COLUMNS, table_rows
    from macaw_cli.quickstart.run import run_quickstart

    further = [name.strip() for name in kinds.split(",") if name.strip()]
    names = [name.strip() for name in modalities.split(",") if name.strip()]
    outcome = run_quickstart(folder, overrides or [], modalities=names, kinds=further, controls=controls)
    if json:
        result_json(outcome)
        return
    print_table("Held-out accuracy", COLUMNS, table_rows(outcome["figures"]))
    if "controls" in outcome:
        print_table("Control: trained with shuffled answers", COLUMNS, table_rows(outcome["controls"]))
    result(f"See {outcome['report']} and {outcome['plot']}")
    result(f"Next: {outcome['chat']}")
