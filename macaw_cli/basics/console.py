"""All printing: results on stdout, everything else on stderr, in a terminal or in a pipe.

A progress display in a terminal is rich's; in a pipe it is a plain line every `PLAIN_EVERY_S` seconds.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from macaw_cli.basics import distributed

PLAIN_EVERY_S = 10.0


class Advance(Protocol):
    """What `progress` yields."""

    def __call__(self, count: int, note: str = "", fewer: int = 0) -> None:
        """Count `count` more units, show `note` (without one the last stays), and lower the total by `fewer`."""


def say(text: str) -> None:
    """One line of what is going on, on stderr, from the main process only."""
    if distributed.is_main():
        print(text, file=sys.stderr, flush=True)


def result(text: str) -> None:
    """One line of result, on stdout, from the main process only."""
    if distributed.is_main():
        print(text, flush=True)


def result_piece(text: str) -> None:
    """A piece of a line of result, as it comes, on stdout; `result("")` ends the line."""
    if distributed.is_main():
        print(text, end="", flush=True)


def result_json(content: Any) -> None:
    """The one JSON object that `--json` promises, on stdout."""
    if distributed.is_main():
        print(json.dumps(content, indent=2, ensure_ascii=False), flush=True)


def print_table(title: str, columns: list[str], rows: list[list[str]], *, to_stdout: bool = True) -> None:
    """A table: first column left, the others right; plain text wide enough for itself when not in a terminal."""
    from rich.console import Console
    from rich.table import Table

    if not distributed.is_main():
        return
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    stream = sys.stdout if to_stdout else sys.stderr
    # names of files and kinds are no markup: `[1]` and `:cat:` stay what they are
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not stream.isatty():
        console.width = max(160, console.measure(table, options=console.options.update(width=100_000)).maximum)
    console.print(table)


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
        task = bar.add_task(title, total=total, rate="", note="")
        started, done = time.monotonic(), 0

        def advance(count: int, note: str = "", fewer: int = 0) -> None:
            nonlocal done, total
            done, total = done + count, total - fewer
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.update(task, advance=count, total=max(total, done), rate=f"{rate:.1f} {unit}/s", note=note)

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
