"""`macaw build-dataset`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import (
    OUTPUT,
    ConfigOption,
    PlanOption,
    SetOption,
    from_here,
    place_from_here,
    workspace_of,
)

INPUTS = "Conversations and features"
"""Title of a group of options."""


def build_dataset(
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT:PATH[#N]",
            rich_help_panel=INPUTS,
            help="Conversations to use; repeatable. FORMAT is jsonl (macaw's own), alpaca or llava. "
            "#N takes N at random; #N+ repeats some if there are fewer.",
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=INPUTS, help="Feature store to join with, a folder or URL; repeatable."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=INPUTS, help="Use at most this many conversations from each source."),
    ] = None,
    max_reject_ratio: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, rich_help_panel=INPUTS, help="Fail if a larger share of the conversations is unusable."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(rich_help_panel=OUTPUT, help="Folder of the dataset.")] = None,
    plan: PlanOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Join captions and conversations with features into training shards."""
    workspace = workspace_of(
        config,
        set_,
        dataset__sources=[_from_here(text, config) for text in source or []],
        dataset__features=[place_from_here(store) for store in features or []],
        dataset__out=out,
        dataset__max_reject_ratio=max_reject_ratio,
    )
    from macaw_cli.dataset.build import build_dataset as build

    build(workspace, limit=limit, plan=plan)


def _from_here(source: str, config: Path | None) -> str:
    """`[FORMAT:]PATH[?OPTIONS][#N]` with the path as the workspace's settings mean it."""
    form, colon, path = source.partition(":")
    if colon and path and re.fullmatch("[a-z0-9_-]+", form) and not Path(source).exists():
        return f"{form}:{from_here(Path(path), config)}"
    return from_here(Path(source), config) if source else source
