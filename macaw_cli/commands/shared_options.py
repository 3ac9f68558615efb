"""Options that every command has, and the one place where they become a workspace."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from macaw_cli.config.loading import Workspace

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A macaw.yaml, or its folder; default: the one in the current folder.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override any key of macaw.yaml; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
PlanOption = Annotated[bool, typer.Option("--plan", help="Print what would be done and what it costs, and stop.")]


def workspace_of(config: Path | None, overrides: list[str] | None, **options: object) -> "Workspace":
    """Open the workspace with `--set` and the command's own options applied, options last.

    Args:
        config: `--config`.
        overrides: every `--set`.
        **options: dotted key, with `__` for the dot, to the option's value; None or an empty list means not given.
    """
    import json

    from macaw_cli.config.loading import open_workspace

    given = [
        f"{key.replace('__', '.')}={json.dumps([str(v) for v in value] if isinstance(value, list) else _plain(value))}"
        for key, value in options.items()
        if value is not None and value != []
    ]
    return open_workspace(config, [*(overrides or []), *given])


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


Command = Callable[..., None]
