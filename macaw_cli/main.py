"""The `macaw` command: registers the commands, turns a MacawError into one line and an exit code."""

import os
import sys
from typing import Annotated

import typer

from macaw_cli import __version__
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.threads import share_cores
from macaw_cli.commands.build_dataset import build_dataset
from macaw_cli.commands.chat import chat
from macaw_cli.commands.doctor import doctor
from macaw_cli.commands.evaluate import evaluate
from macaw_cli.commands.export import export
from macaw_cli.commands.extract_features import extract_features
from macaw_cli.commands.import_checkpoint import import_checkpoint
from macaw_cli.commands.init import init
from macaw_cli.commands.inspect import inspect
from macaw_cli.commands.quickstart import quickstart
from macaw_cli.commands.train import train

app = typer.Typer(
    name="macaw",
    help="Teach a text LLM to see, watch and listen.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

START, PATH, LOOK = "Start here", "The five commands", "Look closer"
for panel, command in (
    (START, quickstart), (START, init), (START, doctor),
    (PATH, extract_features), (PATH, build_dataset), (PATH, train), (PATH, chat), (PATH, export),
    (LOOK, evaluate), (LOOK, inspect), (LOOK, import_checkpoint),
):  # fmt: skip
    app.command(name=command.__name__.replace("_", "-"), rich_help_panel=panel)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"macaw {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Teach a text LLM to see, watch and listen."""
    del version  # told by its callback


def cli() -> None:
    """Run the command line; exit codes: 0 done, 1 a known failure, 2 wrong usage, 130 SIGINT, 143 SIGTERM."""
    share_cores()
    try:
        app()
    except MacawError as error:
        if os.environ.get("MACAW_DEBUG") == "1":
            raise
        print(f"Error: {error.problem}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == 130:  # typer turns Ctrl-C into this code without a word
            print("Interrupted.", file=sys.stderr)
        raise
