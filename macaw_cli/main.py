"""The `macaw` command: registers the commands, turns a MacawError into one line and an exit code."""

import contextlib
import io
import itertools
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from macaw_cli import __version__
from macaw_cli.basics import console, standard_streams
from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.process_exit import leaving_at_once
from macaw_cli.basics.redaction import guard_logs
from macaw_cli.basics.system_errors import system_error
from macaw_cli.basics.threads import share_cores
from macaw_cli.commands.build_dataset import BuildDatasetCommand, build_dataset
from macaw_cli.commands.chat import chat
from macaw_cli.commands.compare import compare
from macaw_cli.commands.doctor import doctor
from macaw_cli.commands.evaluate import evaluate
from macaw_cli.commands.export import export
from macaw_cli.commands.extract_features import extract_features
from macaw_cli.commands.import_checkpoint import import_checkpoint
from macaw_cli.commands.init import init
from macaw_cli.commands.inspect import inspect
from macaw_cli.commands.quickstart import quickstart
from macaw_cli.commands.serve import serve
from macaw_cli.commands.train import train

UsageProblem: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What typer raises about the words of a command; it has no public name there."""

READER_LEFT = 128 + signal.SIGPIPE
"""The exit code where nothing reads standard output any more, as of other programs of the shell."""

app = typer.Typer(
    name="macaw",
    help="Teach a text LLM to see, watch and listen.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

START, PIPELINE, INSPECTION = "Get started", "Pipeline", "Evaluate and inspect"
for panel, command in (
    (START, quickstart), (START, init), (START, doctor),
    (PIPELINE, extract_features), (PIPELINE, build_dataset), (PIPELINE, train), (PIPELINE, chat), (PIPELINE, serve),
    (PIPELINE, export),
    (INSPECTION, evaluate), (INSPECTION, compare), (INSPECTION, inspect), (INSPECTION, import_checkpoint),
):  # fmt: skip
    own = BuildDatasetCommand if command is build_dataset else None
    app.command(name=command.__name__.replace("_", "-"), rich_help_panel=panel, cls=own)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.result(f"macaw {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
    local_rank: Annotated[
        int | None, typer.Option("--local_rank", hidden=True, help="Added by the deepspeed launcher; ignored.")
    ] = None,
) -> None:
    """Teach a text LLM to see, watch and listen."""
    del version, local_rank  # told by its callback; in the environment as well


@leaving_at_once()
def cli() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 SIGINT, 141 SIGPIPE, 143 SIGTERM."""
    standard_streams.prepare()
    share_cores()
    guard_logs()
    sys.excepthook = lambda kind, error, trace: console.tell_bug(error)
    sys.exit(_told(_run))


def _run() -> int:
    ended = app(standalone_mode=False)
    if ended == 130:  # typer turns Ctrl-C into this code without a word
        console.say("Interrupted.")
        _tell_scripts("Interrupted", "Interrupted.", "", ended)
    standard_streams.finish()
    return ended if isinstance(ended, int) else 0


def _told(run: Callable[[], int]) -> int:
    """The exit code of `run`; every failure that is no bug is told in one place."""
    try:
        return run()
    except (MacawError, SystemExit) as error:
        if isinstance(error.__context__, BrokenPipeError):  # the reader, such as `head`, has seen enough
            return READER_LEFT
        if isinstance(error, SystemExit):
            raise
        return _tell(error, error)
    except UsageProblem as error:
        _name_nearest(error)
        console.tell_usage(_shown(error))
        _tell_scripts("UsageError", error.format_message(), "", int(error.exit_code))
        return int(error.exit_code)
    except (OSError, MemoryError) as error:
        known = standard_streams.trouble() or system_error(error)
        return _tell_bug(error) if known is None else _tell(known, error)
    except Exception as error:  # typer has put a hook of its own in the place of ours
        return _tell_bug(error)


def _tell(error: MacawError, cause: BaseException) -> int:
    if os.environ.get("MACAW_DEBUG") == "1":
        return _tell_bug(cause)
    console.tell_error(error)
    _tell_scripts(type(error).__name__, error.problem, error.hint, error.exit_code)
    return error.exit_code


def _tell_bug(error: BaseException) -> int:
    console.tell_bug(error)
    _tell_scripts(type(error).__name__, str(error) or "A bug: see the traceback on stderr.", "", 1)
    return 1


def _tell_scripts(kind: str, message: str, hint: str, exit_code: int) -> None:
    """Under `--json` a failure is an object on stdout too, unless the command has printed its own before it failed."""
    words = list(itertools.takewhile(lambda word: word != "--", sys.argv[1:]))
    if "--json" in words and not console.JSON_PRINTED.is_set():
        with contextlib.suppress(MacawError):  # without standard output there is nothing to print to
            error = {"kind": kind, "message": message, "hint": hint, "exit_code": exit_code}
            console.result_json({"error": error})


def _name_nearest(error: "UsageProblem") -> None:
    """Add the nearest word to a complaint of typer about one that is none of a list, as it does for commands."""
    found = re.search(r"(?:Value error, )?('(.*)' is not one of ('.*'))\.?$", error.message, re.DOTALL)
    if found:
        near = closest(found[2], re.findall("'([^']*)'", found[3]))
        error.message = f"{found[1]}.{f' Did you mean {near[0]!r}?' if near else ''}"


def _shown(error: "UsageProblem") -> str:
    """A complaint of typer about the words of a command."""
    text = io.StringIO()
    error.show(file=text)
    return text.getvalue()
