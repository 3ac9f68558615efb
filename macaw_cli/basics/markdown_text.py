"""Markdown for a terminal: all text of an answer is shown, no link is made, and finished blocks are told apart."""

from typing import Any

from markdown_it import MarkdownIt
from rich.markdown import Markdown

CODE_THEME = "ansi_dark"
"""Colours of the terminal's own palette, which fit light and dark backgrounds."""


def markdown(text: str) -> Markdown:
    """`text` as rich draws it.

    HTML and whatever looks like it, such as `<think>`, is text; a line break stays one; the target of a link is shown
    as text, as a terminal would follow one that it hides.
    """
    made = Markdown("", code_theme=CODE_THEME, hyperlinks=False)
    made.markup, made.parsed = text, _parsed(text)
    return made


def split_blocks(text: str) -> tuple[str, str]:
    """The blocks of a growing text that cannot change any more, and the last one, which can."""
    starts = [token.map[0] for token in _parser().parse(text) if token.level == 0 and token.map]
    if not starts:
        return "", text
    rows = text.splitlines(keepends=True)
    return "".join(rows[: max(starts)]), "".join(rows[max(starts) :])


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")


def _parsed(text: str) -> list[Any]:
    tokens = _parser().parse(text)
    for token in tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type, child.tag = "hardbreak", "br"
    return tokens
