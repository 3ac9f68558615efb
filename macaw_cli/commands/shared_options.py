"""Options that every command has, and the one place where they become a workspace."""

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from macaw_cli.config.loading import Workspace
    from macaw_cli.config.recipes import Preset

SETTINGS, OUTPUT, WORK, REJECTS = "Settings", "Output", "Execution", "Rejected files"
"""Titles under which `--help` groups the options of several commands."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", rich_help_panel=SETTINGS, help="A macaw.yaml or its folder; default: the one in the current folder."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", rich_help_panel=SETTINGS, help="Override any key of macaw.yaml; repeatable."
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", rich_help_panel=OUTPUT, help="Print exactly one JSON object on stdout, also on failure."),
]
PlanOption = Annotated[
    bool,
    typer.Option("--plan", rich_help_panel=OUTPUT, help="Print what would be done and what it costs, then exit."),
]
ModelArgument = Annotated[
    Path | None, typer.Argument(help="A run or model folder; default: the newest one of the workspace.")
]


def workspace_of(
    config: Path | None, overrides: list[str] | None, *, preset: "Preset | None" = None, **options: object
) -> "Workspace":
    """Open the workspace with `--set` and the command's own options applied, options last.

    A `Path` among the options is meant from the current folder, unlike those in `macaw.yaml`.

    Args:
        config: `--config`.
        overrides: every `--set`.
        preset: `--preset`, whose `training` and `bridge` replace those of the file.
        **options: dotted key, with `__` for the dot, to the option's value; None or an empty list means not given.
    """
    import json

    from macaw_cli.config.loading import open_workspace

    given = {
        f"{key.replace('__', '.')}={json.dumps(_as_in_settings(value, config))}": _typed_for(key, value)
        for key, value in options.items()
        if value is not None and value != []
    }
    return open_workspace(config, overrides or [], preset=preset, options=given)


def from_here(path: Path, config: Path | None) -> str:
    """A typed path as the workspace's settings mean it: relative to its folder; an absolute one outside stays as it is.

    Args:
        path: meant from the current folder.
        config: `--config`.
    """
    from macaw_cli.config.loading import workspace_root

    root, path = os.path.normpath(workspace_root(config)), path.expanduser()
    outside = path.is_absolute() and not path.is_relative_to(root)
    return str(path) if outside else os.path.relpath(path, root)


def model_from_here(model: str | None) -> str | Path | None:
    """A typed model: a folder, or what can only be a path, is meant from the current folder; else it is a hub id."""
    if model and Path(model).expanduser().is_dir():
        return Path(model)
    return str(Path(model).expanduser().absolute()) if model and model.startswith((".", "/", "~")) else model


def weighted_from_here(text: str, config: Path | None) -> str:
    """A typed `FOLDER[:WEIGHT]` with the folder as the workspace's settings mean it.

    Raises:
        UsageError: it is not of that form.
    """
    from macaw_cli.config.weighted_folders import split_weight

    folder, _ = split_weight(text)
    return from_here(Path(folder), config) + text[len(folder) :]


def place_from_here(place: str | None) -> str | Path | None:
    """A typed place: a URL as it stands, else a path that is meant from the current folder."""
    from macaw_cli.basics.urls import is_url, local_place

    return place if place is None or is_url(place) else Path(local_place(place))


def source_from_here(source: str) -> str:
    """A typed source: a URL as it stands, else a path or pattern of the current folder, made absolute."""
    place = place_from_here(source)
    return str(place.absolute()) if isinstance(place, Path) else source


def _typed_for(key: str, value: object) -> str:
    """The typed option that gave a setting: the one that is called like it, else one with its value."""
    from macaw_cli.basics.command_line import typed_command

    words = [part for word in typed_command() for part in (word.split("=", 1) if word.startswith("--") else [word])]
    called = f"--{key.rpartition('__')[2].replace('_', '-')}"
    if called in words:
        return called
    before = (word for word, after in itertools.pairwise(words) if word.startswith("--") and after == str(value))
    return next(before, "the command line")


def _as_in_settings(value: object, config: Path | None) -> object:
    if isinstance(value, list):
        return [_as_in_settings(item, config) for item in value]
    return from_here(value, config) if isinstance(value, Path) else value
