"""`macaw inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import JsonOption


def inspect(
    path: Annotated[Path, typer.Argument(help="A feature store, dataset, run or model folder.")],
    verify: Annotated[bool, typer.Option("--verify", help="Reread every file against its recorded hash.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is in a feature store, dataset, run or model, and whether it is whole."""
    from macaw_cli.inspection.inspect_folder import inspect_folder

    inspect_folder(path, verify=verify, as_json=as_json)
