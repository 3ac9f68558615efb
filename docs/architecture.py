"""Draws two figures as SVG: the layers of the package, from pyproject.toml, and the path of an example through it.

`python docs/generate.py` writes them. Both have a light background of their own: they are readable on dark pages.
"""

import ast
import textwrap
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIDTH, GAP, MARGIN, LINE = 1200, 10, 24, 16
LETTER = 6.6
"""Pixels per letter of the small text, on average."""
FILLS = ("#d9efe9", "#dce8f7", "#f3e6d3", "#ece2f3")
INK, MUTED, GROUND, EDGE = "#1f2933", "#52606d", "#fbfaf7", "#8896a4"
STEPS = (
    ("Media files", "images, audio, video", "you bring them"),
    ("Frozen encoder", "CLIP, SigLIP, DINOv2, Whisper, ...", "macaw_cli/encoders"),
    ("Features", "fp16 arrays in tar shards, computed once", "macaw_cli/features"),
    ("Dataset", "features joined with conversations", "macaw_cli/dataset"),
    ("Bridge", "features become soft tokens; trained", "macaw_cli/model/bridges"),
    ("LLM", "reads soft tokens between its own tokens; frozen, adapted or trained", "macaw_cli/training"),
    ("Answers", "chat, evaluation, export", "macaw_cli/inference"),
)
"""What happens to an example, in order: name, explanation, where the code is."""


def layers_figure() -> str:
    """The layers of import-linter's contract, top to bottom, each folder with what its docstring says."""
    parts, top = [], MARGIN
    for number, layer in enumerate(_layers()):
        boxes = [(name, _purpose(name)) for name in layer]
        height, drawn = _row(boxes, top, FILLS[number % len(FILLS)], right=WIDTH - 2 * MARGIN)
        parts += drawn
        top += height + GAP
    label = "imports run downwards only"
    x, low = WIDTH - MARGIN, top - GAP
    parts += [
        f'<path d="M{x} {MARGIN} V{low - 8}" stroke="{EDGE}" stroke-width="2" marker-end="url(#arrow)"/>',
        f'<text transform="translate({x - 8} {(MARGIN + low) / 2}) rotate(-90)" text-anchor="middle" fill="{MUTED}"'
        f' font-size="13">{label}</text>',
    ]
    return _document(parts, top - GAP + MARGIN, "The layers of the package macaw_cli: imports run downwards only")


def path_figure() -> str:
    """From a media file to an answer, each step with its folder of the package."""
    width = (WIDTH - 2 * MARGIN - 18 * (len(STEPS) - 1)) / len(STEPS)
    texts = [_wrapped(text, width) for _, text, _ in STEPS]
    height = 44 + LINE * max(map(len, texts)) + 24
    parts = []
    for number, ((name, _, place), lines) in enumerate(zip(STEPS, texts, strict=True)):
        x = MARGIN + number * (width + 18)
        trained = name in ("Bridge", "LLM")
        parts += _box(x, MARGIN, width, height, name, lines, FILLS[2] if trained else FILLS[1])
        parts.append(_text(x + 10, MARGIN + height - 12, place, size=10, fill=MUTED))
        if number:
            parts.append(
                f'<path d="M{x - 17:.1f} {MARGIN + height / 2} H{x - 7:.1f}" stroke="{INK}" stroke-width="2"'
                ' marker-end="url(#arrow)"/>'
            )
    return _document(parts, height + 2 * MARGIN, "The path of an example, from a media file to an answer")


def _layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def _purpose(name: str) -> str:
    place = ROOT / "macaw_cli" / name
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    said = (ast.get_docstring(ast.parse(source.read_text())) or "").partition("\n")[0]
    return said.replace("`", "").removesuffix(".")


def _row(boxes: list[tuple[str, str]], top: float, fill: str, right: float) -> tuple[float, list[str]]:
    """A row of equally wide boxes: its height, and what is drawn."""
    width = (right - MARGIN - GAP * (len(boxes) - 1)) / len(boxes)
    texts = [_wrapped(text, width) for _, text in boxes]
    height = 36 + LINE * max(map(len, texts))
    drawn: list[str] = []
    for number, ((name, _), lines) in enumerate(zip(boxes, texts, strict=True)):
        drawn += _box(MARGIN + number * (width + GAP), top, width, height, name, lines, fill)
    return height, drawn


def _box(x: float, y: float, width: float, height: float, name: str, lines: list[str], fill: str) -> Iterator[str]:
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"'
        f' fill="{fill}" stroke="{EDGE}"/>'
    )
    yield _text(x + 10, y + 22, name, size=15, weight="600")
    for number, line in enumerate(lines):
        yield _text(x + 10, y + 42 + LINE * number, line, size=12)


def _wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, int((width - 16) / LETTER))


def _text(x: float, y: float, text: str, *, size: int, fill: str = INK, weight: str = "400") -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _document(parts: list[str], height: float, title: str) -> str:
    arrow = (
        f'<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>'
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}"'
            f' height="{height:.0f}" role="img" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            arrow,
            f'<rect width="{WIDTH}" height="{height:.0f}" rx="10" fill="{GROUND}"/>',
            *parts,
            "</svg>\n",
        ]
    )
