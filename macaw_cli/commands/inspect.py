"""`macaw inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import JsonOption

PAGE = "Page"
"""Title of a group of options."""


def inspect(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="A feature store (folder or URL), dataset, run or model folder. Several runs, or two datasets, are "
            "compared.",
        ),
    ],
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Check every file against its recorded hash.")] = False,
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            rich_help_panel=PAGE,
            help="Write an HTML page: the media of a feature store, the report of a run, or a comparison of runs.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=PAGE,
            help="File for --html; default: inspect.html or report.html in the folder, or comparison.html here for "
            "several runs.",
        ),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            rich_help_panel=PAGE, help="Media of each modality on the page of a feature store.", min=1, max=1000
        ),
    ] = 48,
    as_json: JsonOption = False,
) -> None:
    """Show and verify the content of a feature store, dataset, run or model, or compare runs."""
    from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder

    page = PageRequest(out, samples) if html or out else None
    if len(paths) == 1:
        inspect_folder(paths[0], verify=verify, as_json=as_json, page=page)
        return
    from macaw_cli.inspection.side_by_side import compare_folders

    if verify:
        raise UsageError("--verify checks one folder.", "Give one PATH.")
    compare_folders(paths, as_json=as_json, page=page)
