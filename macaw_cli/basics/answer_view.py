"""Answers of a model on stdout while they come: as Markdown in a terminal, as plain text everywhere else.

Like `console.py` a door to the terminal: what is shown is stripped of control characters first, whatever a model wrote.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from macaw_cli.basics import console
from macaw_cli.basics.standard_streams import encodable, told_as_lost
from macaw_cli.basics.terminal_text import lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

_REFRESH_S = 0.1
_BELOW = 2
"""Lines of the terminal that a growing block leaves free, so that nothing scrolls away before it is finished."""
_NARROWEST = 34
"""Columns that one of several answers side by side needs."""
_WAITING = "..."


class AnswerView(Protocol):
    """Shows one answer; a context manager, which ends the answer's line when it is left."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Show what has not been shown yet."""

    def add(self, piece: str) -> None:
        """Show the next piece of the answer."""


def answer_view(*, markdown: bool, keep: bool = True) -> AnswerView:
    """The view for standard output as it is.

    Args:
        markdown: whether it is wanted where it can be shown.
        keep: False shows the answer while it comes and then removes it, where that is possible.
    """
    return MarkdownView(keep=keep) if can_redraw() and (markdown or not keep) else PlainView()


def can_redraw() -> bool:
    """Whether standard output is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb").lower() not in ("dumb", "unknown", "")


class PlainView:
    """Writes pieces as they come."""

    def __init__(self) -> None:
        self._has_begun = False

    def __enter__(self) -> Self:
        """Nothing has to be prepared."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End the line; an error before the first piece leaves none, as there is no answer."""
        if self._has_begun or raised[0] is None:
            console.result("")

    def add(self, piece: str) -> None:
        """Write it."""
        self._has_begun = True
        console.result_piece(piece)


class MarkdownView:
    """Prints finished blocks, such as paragraphs, for good; only the last block is drawn again while it grows.

    So an answer may be longer than the screen: what has scrolled away is never touched. Of a block that is itself
    longer, the end is shown until it is finished.

    Args:
        keep: False leaves nothing behind.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._console = _console()
        self._live: Live | None = None
        self._text = ""
        self._drawn = 0.0
        self._has_printed = False

    def __enter__(self) -> Self:
        """Show that an answer is awaited."""
        from rich.live import Live

        # drawn by this thread alone, so that an interruption finds no half-drawn screen
        self._live = Live(
            _Plain(_WAITING), console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Print the last block."""
        if self._live is not None:
            self._live.stop()
        if self._keep:
            self._print(lines(self._text))

    def add(self, piece: str) -> None:
        """Take it, and draw the screen again unless that was done just now."""
        self._text += piece
        if self._live is None or time.monotonic() - self._drawn < _REFRESH_S:
            return
        from macaw_cli.basics.markdown_text import markdown, split_blocks

        with told_as_lost(to_stdout=True):
            finished, self._text = split_blocks(lines(self._text)) if self._keep else ("", lines(self._text))
            self._print(finished)
            self._live.update(_End(self._console, markdown(self._text), gap=self._has_printed), refresh=True)
        self._drawn = time.monotonic()

    def _print(self, text: str) -> None:
        from macaw_cli.basics.markdown_text import markdown

        if not text.strip():
            return
        with told_as_lost(to_stdout=True):
            if self._has_printed:
                self._console.print()
            self._console.print(markdown(encodable(text, sys.stdout)))
        self._has_printed = True


def show_side_by_side(answers: Sequence[tuple[str, str]], *, markdown: bool) -> None:
    """Print answers with their titles in columns where the terminal is wide enough, else one below the other.

    Args:
        answers: title and text of each.
        markdown: whether the texts are shown as such.
    """
    from rich.table import Table
    from rich.text import Text

    from macaw_cli.basics.markdown_text import markdown as as_markdown

    terminal = _console()
    titles = [Text(encodable(lines(title), sys.stdout), style="bold underline") for title, _ in answers]
    shown: list[Any] = [encodable(lines(text), sys.stdout) for _, text in answers]
    texts = [as_markdown(text) if markdown and can_redraw() else Text(text) for text in shown]
    with told_as_lost(to_stdout=True):
        if terminal.width >= _NARROWEST * len(answers):
            table = Table.grid(*[""] * len(answers), padding=(0, 3), expand=True)
            for column in table.columns:
                column.ratio = 1
            table.add_row(*titles)
            table.add_row(*texts)
            terminal.print(table)
            return
        for title, text in zip(titles, texts, strict=True):
            terminal.print(title)
            terminal.print(text)


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=False)


class _Plain:
    """A dim line."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich__(self) -> Any:
        from rich.text import Text

        return Text(self._text, style="dim")


class _End:
    """The last lines of something that may be higher than the screen."""

    def __init__(self, terminal: "Console", content: Any, *, gap: bool) -> None:
        self._terminal, self._content, self._gap = terminal, content, gap

    def __rich_console__(self, terminal: "Console", options: Any) -> Any:
        from rich.segment import Segment

        rendered = terminal.render_lines(self._content, options.update(height=None), pad=False)
        room = max(1, terminal.height - _BELOW - self._gap)
        if self._gap:
            yield Segment.line()
        for line in rendered[-room:]:
            yield from line
            yield Segment.line()
