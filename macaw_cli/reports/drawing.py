"""How every plot of a run looks: PNG in the colours of a page, light and dark."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.modalities.table import MODALITIES

PALETTE = ("#3b7dd8", "#e08427", "#2f9e6e", "#b0569f", "#d1495b", "#2aa3b0", "#8a7a3c", "#7d8590")
"""Colours that can be read on white and on black."""
OF_MODALITY = dict(zip(MODALITIES, cycle(PALETTE), strict=False))
WIDTH_IN, DOTS_PER_INCH = 6.5, 180
DENSITY = 2
"""Dots per pixel of a page."""
COLOURS = 128
"""Colours of a PNG; few, as pages hold every plot twice."""
MOST_POINTS = 600
"""Points of one curve in a plot; more cannot be seen."""

Draw = Callable[[Any], None]
"""Draws on a matplotlib figure."""


@dataclass(frozen=True)
class Scheme:
    """Colours that pages and the plots in them share.

    Attributes:
        ink: of text and axes.
        grid: of thin lines.
        card: behind both.
    """

    ink: str
    grid: str
    card: str


LIGHT, DARK = Scheme("#1c1d1f", "#dfe0e2", "#ffffff"), Scheme("#e6e7e9", "#3a3c40", "#202226")


def colour_of(modality: str) -> str:
    """The colour of a modality; of a combination such as `image+audio`, that of the first."""
    return OF_MODALITY.get(modality.partition("+")[0], PALETTE[-1])


@dataclass(frozen=True)
class Plot:
    """One plot of one run or of several.

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


@dataclass(frozen=True)
class DrawnPlot:
    """A plot as PNG, for light and for dark pages.

    Attributes:
        plot: what was drawn.
        light: PNG.
        dark: PNG.
        size: width and height in pixels of a page.
    """

    plot: Plot
    light: bytes
    dark: bytes
    size: tuple[int, int]


def drawn(plots: Iterable[Plot]) -> list[DrawnPlot]:
    """The plots; one that cannot be drawn is told and left out."""
    done = []
    for plot in plots:
        size = (round(WIDTH_IN * DOTS_PER_INCH / DENSITY), round(plot.height * DOTS_PER_INCH / DENSITY))
        try:
            done.append(DrawnPlot(plot, png(plot, LIGHT), png(plot, DARK), size))
        except Exception as error:  # a page without one plot is better than no page
            say(f"The plot `{plot.title}` cannot be drawn: {error}")
    return done


def png(plot: Plot, scheme: Scheme = LIGHT) -> bytes:
    """The plot as PNG, the same bytes each time; pyplot, which would choose a window, is not touched."""
    import matplotlib as mpl
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    with mpl.rc_context(_style(scheme)):
        figure = Figure(figsize=(WIDTH_IN, plot.height), dpi=DOTS_PER_INCH, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        plot.draw(figure)
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    content = BytesIO()
    image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(content, "PNG")
    return content.getvalue()


def ink() -> str:
    """Colour of lines that belong to no series, in the scheme that is being drawn."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def _style(scheme: Scheme) -> dict[str, Any]:
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "legend.labelcolor")
    return dict.fromkeys(inked, scheme.ink) | {
        "figure.facecolor": scheme.card, "axes.facecolor": scheme.card, "grid.color": scheme.grid,
        "font.size": 10, "font.family": "sans-serif", "axes.grid": True, "axes.axisbelow": True, "grid.linewidth": 0.8,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "legend.frameon": False,
        "lines.linewidth": 1.8,
        "text.parse_math": False,  # names of runs and stages are words, whatever signs are in them
    }  # fmt: skip


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
