"""How every picture of a run looks, and how it becomes a PNG file or a part of a page.

Pictures in a page follow its colours, light or dark: ink and grid are drawn in two colours that nothing else has, and
in the SVG those two become the page's own.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import atomic_path, fsync_folder

INK, GRID = "#1c1d1f", "#d9dadc"
PALETTE = ("#3b7dd8", "#e08427", "#2f9e6e", "#b0569f", "#d1495b", "#2aa3b0", "#8a7a3c", "#7d8590")
"""Colours that can be read on white and on black."""
OF_MODALITY = {"image": PALETTE[0], "audio": PALETTE[1], "video": PALETTE[2]}
WIDTH_IN, DOTS_PER_INCH = 8.0, 130
MOST_POINTS = 600
"""Of one curve in a picture: more cannot be seen, and would make the page large."""

_NOT_FOR_PAGES = re.compile(r'<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|(?<=<g) id="[^"]*"', re.DOTALL)

Draw = Callable[[Any], None]
"""Draws on a matplotlib figure."""
_STYLE = {
    "font.size": 10, "font.family": "sans-serif", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "axes.axisbelow": True, "grid.color": GRID,
    "grid.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "legend.frameon": False, "legend.labelcolor": INK, "lines.linewidth": 1.8, "svg.fonttype": "none",
    "text.parse_math": False,  # names of runs and stages are words, whatever signs are in them
}  # fmt: skip


def colour_of(modality: str) -> str:
    """The colour of a modality; of a combination such as `image+audio`, that of the first."""
    return OF_MODALITY.get(modality.partition("+")[0], PALETTE[-1])


@dataclass(frozen=True)
class Picture:
    """One picture of one run or of several.

    Attributes:
        name: of its file, without the ending.
        title: what it shows.
        note: how to read it, one sentence.
        draw: draws it on an empty figure.
        height: in inches.
    """

    name: str
    title: str
    note: str
    draw: Draw
    height: float = 3.4


def write_png(picture: Picture, folder: Path) -> None:
    """Write `folder/<name>.png`, whole or not at all."""
    with _drawn(picture) as figure, atomic_path(folder / f"{picture.name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    fsync_folder(folder)


def svg(picture: Picture) -> str:
    """The picture as an `<svg>` element that takes the width and the colours of its surroundings."""
    content = io.StringIO()
    with _drawn(picture) as figure:
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = content.getvalue()
    box = re.search(r'viewBox="[^"]*"', text)
    text = text[text.index(">", text.index("<svg")) + 1 :]
    text = _NOT_FOR_PAGES.sub("", text).replace("xlink:href", "href")
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)
    head = f'<svg {box[0] if box else ""} xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{picture.title}">'
    text = head.replace("  ", " ") + text
    return text.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")


class _drawn:  # noqa: N801 - used as a context manager
    """A figure with the picture on it, in our style; pyplot, which would choose a window, is not touched."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def __enter__(self) -> Any:
        import matplotlib as mpl
        from matplotlib.figure import Figure

        self._style = mpl.rc_context({**_STYLE, "svg.hashsalt": self._picture.name})
        self._style.__enter__()
        figure = Figure(figsize=(WIDTH_IN, self._picture.height), layout="constrained")
        self._picture.draw(figure)
        return figure

    def __exit__(self, *error: Any) -> None:
        self._style.__exit__(*error)


def thinned(steps: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """A curve of at most `MOST_POINTS` points: means of equal stretches."""
    from macaw_cli.reports.sparkline import resampled

    return resampled(steps, MOST_POINTS), resampled(values, MOST_POINTS)


def smoothed(values: Sequence[float]) -> list[float]:
    """Running mean over a fortieth of the curve to both sides; less towards the ends, which stay what they are."""
    widest = max(1, len(values) // 40)
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    reaches = [min(widest, at, len(values) - 1 - at) for at in range(len(values))]
    return [(sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1) for at, reach in enumerate(reaches)]
