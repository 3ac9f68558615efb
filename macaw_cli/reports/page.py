"""One page that needs no other file and no network: its style, and the parts that pages about runs are made of."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.console import say
from macaw_cli.reports.drawing import Picture, svg

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c1d1f, #e6e7e9); --grid: light-dark(#e3e4e6, #3a3c40);
  --soft: light-dark(#5d6168, #a4a8af); --card: light-dark(#fff, #202226); --page: light-dark(#f5f6f8, #17181b);
  --accent: light-dark(#2a62b5, #8ab6f4); --good: light-dark(#1b7f5f, #62c9a3); --bad: light-dark(#b3261e, #ff8a80); }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 auto;
  max-width: 76rem; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; margin: 0 0 .2rem; }
p { margin: .3rem 0; }
code { font: .92em ui-monospace, monospace; }
.lead { color: var(--soft); margin: .3rem 0 1.4rem; }
.badge { font-size: .8rem; vertical-align: .25em; margin-left: .6rem; padding: .12rem .6rem; border-radius: 1rem;
  border: 1px solid currentColor; color: var(--good); }
.badge.open { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .7rem; }
.tile, .card { background: var(--card); border: 1px solid var(--grid); border-radius: .6rem; }
.tile { padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span, .hint { color: var(--soft); font-size: .87rem; }
.cards { columns: 2 30rem; column-gap: .9rem; margin-top: .9rem; }
.card { padding: 1rem 1.1rem; margin-bottom: .9rem; break-inside: avoid; }
.card svg { display: block; width: 100%; height: auto; margin-top: .5rem; font-family: system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: right; color: var(--soft); font-weight: 500; }
td { text-align: right; }
th, td { padding: .2rem .1rem .2rem .5rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: pre; }
.words td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.words th { text-align: left; }
.words td:first-child { white-space: nowrap; padding-right: 1rem; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: .2em; margin-right: .45em; }
footer { color: var(--soft); font-size: .87rem; margin-top: 1.6rem; }
"""


def write_page(target: Path, title: str, parts: Iterable[str]) -> None:
    """Write a page, whole or not at all.

    Args:
        target: the file.
        title: of the browser's tab.
        parts: HTML, in order.
    """
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
    )
    write_text(target, head + "\n".join(parts) + "\n</body></html>\n")


def tiles(figures: Sequence[tuple[str, str]]) -> str:
    """Small cards with one figure each.

    Args:
        figures: what it is, and its value.
    """
    cells = (f"<div class=tile><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in figures)
    return f"<section class=tiles>{''.join(cells)}</section>"


def cards(contents: Iterable[str]) -> str:
    """Cards in two columns where there is room."""
    each = "\n".join(f"<div class=card>{content}</div>" for content in contents)
    return f"<section class=cards>{each}</section>"


def picture_cards(pictures: Sequence[Picture]) -> Iterator[str]:
    """The contents of one card per picture; a picture that cannot be drawn is told and left out."""
    for picture in pictures:
        try:
            drawn = svg(picture)
        except Exception as error:  # a page without one picture is better than no page
            say(f"The picture `{picture.title}` cannot be drawn: {error}")
            continue
        yield f"<h2>{escape(picture.title)}</h2><p class=hint>{escape(picture.note)}</p>{drawn}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, words: bool = False) -> str:
    """A table with its title.

    Args:
        title: above it.
        columns: heads.
        rows: cells.
        words: the cells are words to read rather than figures to compare.
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    kind = " class=words" if words else ""
    return f"<h2>{escape(title)}</h2><div class=wide><table{kind}><tr>{head}</tr>{body}</table></div>"
