"""The one door to the terminal: results on stdout, everything else on stderr, in a terminal or in a pipe.

Whatever is said may hold foreign text, so all of it is stripped of control characters and nothing of it is markup; and
it may hold URLs, so their secrets are left out.
A progress display in a terminal is rich's; in a pipe it is a plain line every `PLAIN_EVERY_S` seconds.
"""

import json
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from macaw_cli.basics import distributed
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.redaction import redacted, redacted_tree
from macaw_cli.basics.standard_streams import encodable, put, told_as_lost, writes_unicode
from macaw_cli.basics.terminal_text import in_json, lines, one_line
from macaw_cli.basics.wrapped_lines import at_spaces

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

PLAIN_EVERY_S = 10.0
REFRESHES_PER_S = 4
JSON_PRINTED = threading.Event()  # scripts expect one object and no more


class Advance(Protocol):
    """What `progress` yields."""

    def __call__(self, count: int, note: str = "", fewer: int = 0) -> None:
        """Count `count` more units, show `note` (without one the last stays), and lower the total by `fewer`."""


def _line(text: str) -> str:
    return redacted(one_line(text))


def say(text: str) -> None:
    """One line of what is going on, on stderr, from the main process only."""
    if distributed.is_main():
        put(at_spaces(_line(text), sys.stderr) + "\n", to_stdout=False)


def result(text: str) -> None:
    """One line of result, on stdout, from the main process only.

    Raises:
        ResourceError: standard output is closed or full.
    """
    if distributed.is_main():
        put(_line(text) + "\n", to_stdout=True)


def result_piece(text: str) -> None:
    """A piece of a longer text of result, as it comes, on stdout; `result("")` ends its line.

    Raises:
        ResourceError: standard output is closed or full.
    """
    if distributed.is_main():
        put(lines(text), to_stdout=True)


def result_json(content: Any) -> None:
    """The one JSON object that `--json` promises, on stdout.

    Raises:
        ResourceError: standard output is closed or full.
    """
    if distributed.is_main():
        text = json.dumps(redacted_tree(content), indent=2, ensure_ascii=not writes_unicode(sys.stdout))
        put(in_json(text) + "\n", to_stdout=True)
        JSON_PRINTED.set()


def tell_error(error: MacawError) -> None:
    """What went wrong, and on a line of its own what to do."""
    hint = [at_spaces(f"  {_line(error.hint)}", sys.stderr, indent="  ")] if error.hint else []
    put("\n".join([at_spaces(f"Error: {_line(error.problem)}", sys.stderr), *hint, ""]), to_stdout=False)


def tell_usage(text: str) -> None:
    """How a command is used, and what about it was wrong: several lines."""
    put(redacted(lines(text)), to_stdout=False)


def tell_bug(error: BaseException) -> None:
    """A traceback, from any process."""
    put(redacted(lines("".join(traceback.format_exception(error)))), to_stdout=False)


def print_table(title: str, columns: list[str], rows: list[list[str]], *, to_stdout: bool = True) -> None:
    """A table: first column left, the others right; plain text wide enough for itself when not in a terminal.

    Raises:
        ResourceError: standard output is closed or full.
    """
    from rich.console import Console
    from rich.table import Table

    if not distributed.is_main():
        return
    stream = sys.stdout if to_stdout else sys.stderr
    table = Table(title=encodable(_line(title), stream), title_justify="left")
    for number, column in enumerate(columns):
        justify: Any = "left" if number == 0 else "right"
        table.add_column(encodable(_line(column), stream), justify=justify, no_wrap=number == 0 or len(columns) > 2)
    for row in rows:
        table.add_row(*(encodable(_line(cell), stream) for cell in row))
    # names of files and kinds are no markup: `[1]` and `:cat:` stay what they are
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not stream.isatty():
        console.width = max(160, console.measure(table, options=console.options.update(width=100_000)).maximum)
    with told_as_lost(to_stdout=to_stdout), console.capture() as drawn:  # rich writes an empty text even so
        console.print(table)
    put(drawn.get(), to_stdout=to_stdout)


class LiveLines:
    """A few lines on stderr that stay in their place, below whatever is said; for terminals only.

    Args:
        fields: what to show in that many columns: lines of (text, style of rich).
        gap: between the fields of a line.
    """

    def __init__(self, fields: Callable[[int], list[list[tuple[str, str]]]], gap: str) -> None:
        from rich.console import Console

        self._fields, self._gap = fields, gap
        self._console = Console(file=sys.stderr, highlight=False)
        self._live: Live | None = None

    def start(self) -> None:
        """Show the lines, from now on."""
        from rich.live import Live

        # a new one every time: the old one would wipe out what was said meanwhile
        self._live = Live(
            get_renderable=self._text,
            console=self._console,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,  # whenever it stops for a while it leaves nothing behind
            redirect_stdout=sys.stdout.isatty(),  # in a pipe, results stay results
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def stop(self, *, leave: bool = False) -> None:
        """Give the terminal back; `leave` what was shown last."""
        if self._live is not None:
            self._live.transient = not leave
            self._live.stop()

    def _text(self) -> "Text":
        from rich.text import Text

        text = Text(no_wrap=True, overflow="crop")
        for number, line in enumerate(self._fields(self._console.width - 1)):
            text.append("\n" if number else "")
            for place, (field, style) in enumerate(line):
                text.append(self._gap if place else "").append(_line(field), style or None)
        return text


@contextmanager
def progress(title: str, total: int, unit: str = "items", *, passing: bool = False) -> Iterator[Advance]:
    """Show progress with rate and ETA on stderr; yields `advance(count, note)`.

    Args:
        title: what is being done, a few words.
        total: how many units there are.
        unit: plural name of the unit.
        passing: leave nothing behind at the end: whoever called says what it came to.

    Yields:
        A function, safe in threads: `advance(count, note)` counts `count` more units and shows `note` (such as where
        the time goes); `advance(count, note, fewer)` also lowers the total, by units that turned out to need nothing.
    """
    if not distributed.is_main():
        yield lambda count, note="", fewer=0: None
    elif sys.stderr.isatty():
        yield from _rich_progress(title, total, unit, passing)
    else:
        yield from _plain_progress(title, total, unit, passing)


def _rich_progress(title: str, total: int, unit: str, passing: bool) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=passing) as bar:
        task = bar.add_task(_line(title), total=total, rate="", note="")
        started, done = time.monotonic(), 0

        def advance(count: int, note: str = "", fewer: int = 0) -> None:
            nonlocal done, total
            done, total = done + count, total - fewer
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.update(task, advance=count, total=max(total, done), rate=f"{rate:.1f} {unit}/s", note=_line(note))

        yield _one_at_a_time(advance)


def _plain_progress(title: str, total: int, unit: str, passing: bool) -> Iterator[Advance]:
    started = shown = time.monotonic()
    done = 0

    def advance(count: int, note: str = "", fewer: int = 0) -> None:
        nonlocal done, shown, total
        done, total = done + count, total - fewer
        now = time.monotonic()
        if now - shown >= PLAIN_EVERY_S:
            shown = now
            rate = done / (now - started)
            whole = max(total, done)  # an estimate may have been too low
            left = (whole - done) / rate if rate else 0.0
            say(f"{title}: {done}/{whole} {unit}, {rate:.1f} {unit}/s, {left:.0f} s left {note}".rstrip())

    yield _one_at_a_time(advance)
    spent = time.monotonic() - started
    if not passing:
        say(f"{title}: {done} {unit} in {spent:.1f} s")


def _one_at_a_time(advance: Advance) -> Advance:
    """Whoever finishes work and whoever finds that there is less of it may be different threads."""
    lock, shown = threading.Lock(), ""

    def locked(count: int, note: str = "", fewer: int = 0) -> None:
        nonlocal shown
        with lock:
            shown = note or shown
            advance(count, shown, fewer)

    return locked
