"""`macaw inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import JsonOption


def inspect(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="A feature store (folder or URL), dataset, run or model folder; several runs stand side by side.",
        ),
    ],
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Reread every file against its recorded hash.")] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write one page to look at: a feature store's media, a run's report so far, "
                                          "or several runs over each other.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where --html writes to; default: inspect.html or report.html in the folder, for several "
                          "runs comparison.html here."),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Media of each modality on a feature store's page.", min=1, max=1000)
    ] = 48,
    as_json: JsonOption = False,
) -> None:
    """Say what is in a feature store, dataset, run or model, and whether it is whole; or compare runs."""
    from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder

    page = PageRequest(out, samples) if html or out else None
    if len(paths) == 1:
        inspect_folder(paths[0], verify=verify, as_json=as_json, page=page)
        return
    from macaw_cli.inspection.run_comparison import compare_runs

    if verify:
        raise UsageError("--verify rereads one folder.", "Give one PATH.")
    compare_runs(paths, as_json=as_json, page=page)
