"""`macaw init`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import SETTINGS, SetOption
from macaw_cli.config.recipes import Preset


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace.")] = Path(),
    preset: Annotated[
        Preset,
        typer.Option(
            rich_help_panel=SETTINGS,
            help="small: a laptop or one small GPU; lora: a 7 B LLM on one GPU; modern: a 7 B LLM on eight GPUs; "
            "paper: Macaw-LLM as published; llava: LLaVA 1.5 in two stages; align-only: speech for a frozen LLM; "
            "quickstart: tiny, for `macaw quickstart`; the others: recipes of the papers that they are named after"
        ),
    ] = "small",
    overrides: SetOption = None,
) -> None:
    """Write a macaw.yaml from a preset, with comments on what to fill in."""
    from macaw_cli.basics.console import result
    from macaw_cli.basics.shell_words import to_type
    from macaw_cli.config.presets import to_fill_in, write_preset

    file = write_preset(preset, folder, overrides or [])
    there = "" if folder.resolve() == Path.cwd() else f"{to_type('cd', folder)} && "
    missing = to_fill_in(overrides or [])
    fill_in = f" Fill in your {missing}." if missing else ""
    result(f"Wrote {file} ({preset}).{fill_in} Next: {there}macaw extract-features")
