"""`macaw inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import JsonOption


def inspect(
    path: Annotated[
        str, typer.Argument(help="A feature store (folder or URL), dataset, run or model folder.")
    ],
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Reread every file against its recorded hash.")] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write one page to look at a feature store: media beside their features.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where --html writes to; default: inspect.html in the folder.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Media of each modality on the page.", min=1, max=1000)] = 48,
    as_json: JsonOption = False,
) -> None:
    """Say what is in a feature store, dataset, run or model, and whether it is whole."""
    from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder

    page = PageRequest(out, samples) if html or out else None
    inspect_folder(path, verify=verify, as_json=as_json, page=page)
