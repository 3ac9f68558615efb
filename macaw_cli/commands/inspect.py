"""`macaw inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.option_forms import require_none
from macaw_cli.commands.shared_options import ConfigOption, JsonOption, SetOption, model_from_here, workspace_of

PAGE, DATASET = "Page", "Conversations of a dataset"
"""Titles of groups of options."""


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
            help="Write an HTML page: the media of a feature store, conversations of a dataset, the report of a run, "
            "or a comparison of runs.",
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
        int | None,
        typer.Option(
            rich_help_panel=PAGE, min=1, max=1000,
            help="Media of each modality on the page of a feature store (default: 48), or conversations of each kind "
            "on that of a dataset (default: 3).",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=DATASET,
            help="Write the conversations of a dataset to a new .jsonl or .parquet file for datasets.load_dataset.",
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="ID", rich_help_panel=DATASET,
            help="Show one conversation of a dataset as a model sees it, supervised tokens marked.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=DATASET,
            help="For --example: a trained model or run, or an LLM; default: the workspace's settings.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Show and verify the content of a feature store, dataset, run or model, or compare runs or datasets."""
    from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder

    if example is None:
        require_none({"--model": model, "--config": config, "--set": set_ or None}, "--example")
    if to is not None or example is not None:
        others = {"--verify": verify or None, "--html": html or None, "--out": out}
        _require_alone(paths, "--to" if to is not None else "--example",
                       others | ({"--example": example} if to is not None else {}))  # fmt: skip
    if to is not None:
        from macaw_cli.inspection.dataset_text import show_written

        show_written(paths[0], to, as_json=as_json)
        return
    if example is not None:
        from macaw_cli.training.data.seen_example import seen_conversation
        from macaw_cli.training.reporting.shown_example import show_example

        workspace = workspace_of(config or _workspace_near(paths[0]), set_, llm=model_from_here(model))
        show_example(seen_conversation(workspace, Path(paths[0]), example, model), as_json=as_json)
        return
    page = PageRequest(out, samples) if html or out else None
    if len(paths) == 1:
        inspect_folder(paths[0], verify=verify, as_json=as_json, page=page)
        return
    from macaw_cli.inspection.side_by_side import compare_folders

    if verify:
        raise UsageError("--verify checks one folder.", "Give one PATH.")
    compare_folders(paths, as_json=as_json, page=page)


def _require_alone(paths: list[str], option: str, others: dict[str, object]) -> None:
    """Refuse an option of one dataset beside others.

    Raises:
        UsageError: there are several paths, or one of the others is given.
    """
    if len(paths) > 1:
        raise UsageError(f"{option} takes one dataset, but {len(paths)} paths were given.", "Give one PATH.")
    for other, value in others.items():
        if value is not None:
            raise UsageError(f"{option} and {other} cannot be combined.", "Give one of them at a time.")


def _workspace_near(dataset: str) -> Path | None:
    """The workspace that a dataset is in, where the current folder is none."""
    from macaw_cli.config.loading import CONFIG_NAME

    if Path(CONFIG_NAME).is_file():
        return None
    return next((folder for folder in Path(dataset).absolute().parents if (folder / CONFIG_NAME).is_file()), None)
