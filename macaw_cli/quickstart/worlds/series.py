"""Series of two channels: trend, season, noise, and a change of level; as CSV with a column of times.

The first channel has a trend and a number of waves; the second has noise around a level that may change. One of them
lies above the other. What comes next in the first channel follows from its trend and its waves.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

STEPS = 96
AHEAD, APART = 3, 8
"""What comes next is asked for so many values, so many steps apart."""
TRENDS = ("up", "down", "none")
WAVES = ("two", "three", "four", "six")
LARGER = ("first", "second")
CHANGES = ("early", "late", "none")
CYCLES = {"two": 2, "three": 3, "four": 4, "six": 6}
MIDDLE, APART_LEVELS = 50.0, 25.0
PHRASINGS = {
    "series/trend": ("Which way does the first series go?", "What is the trend?", "Does it go up or down?"),
    "series/waves": ("How many waves are there?", "Count the waves.", "How often does it rise and fall?"),
    "series/larger": ("Which series is larger?", "Which one lies above?", "Name the larger series."),
    "series/change": ("When does the second series change?", "Is the change early or late?", "When is the change?"),
    "series/forecast": ("What comes next?", "Which values come next?"),
}


@dataclass(frozen=True)
class SeriesContent:
    """What can be asked of two channels; the seed fixes their course, so that what comes next is known."""

    trend: str
    waves: str
    larger: str
    change: str
    seed: int = 0


def _all() -> list[SeriesContent]:
    return [SeriesContent(*values) for values in product(TRENDS, WAVES, LARGER, CHANGES)]


def _is_unseen(content: SeriesContent) -> bool:
    """One of nine: each trend with one number of waves and one time of change."""
    places = TRENDS.index(content.trend), WAVES.index(content.waves), CHANGES.index(content.change)
    return places in ((0, 0, 1), (1, 1, 2), (2, 2, 0), (0, 3, 2))


def course(content: SeriesContent) -> NDArray[np.float64]:
    """(STEPS + AHEAD * APART, 2): the channels and what comes next."""
    rng = np.random.default_rng(content.seed)
    time = np.arange(STEPS + AHEAD * APART) / STEPS
    above = APART_LEVELS * rng.uniform(0.9, 1.1) * (0.5 if content.larger == "first" else -0.5)
    slope = rng.uniform(14, 22) * {"up": 1, "down": -1, "none": 0}[content.trend]
    phase, height = rng.uniform(0, 2 * np.pi), rng.uniform(6, 10)
    waves = height * np.sin(2 * np.pi * CYCLES[content.waves] * time + phase)
    first = MIDDLE + above + slope * (time - 0.5) + waves + rng.normal(0, 0.7, len(time))
    jump = rng.uniform(8, 12) * rng.choice((-1, 1))
    begin = {"early": rng.uniform(0.15, 0.35), "late": rng.uniform(0.65, 0.85), "none": 2.0}[content.change]
    second = MIDDLE - above + jump * (time > begin) + rng.normal(0, 1.0, len(time))
    return np.stack([first, second], axis=1)


def next_values(content: SeriesContent) -> str:
    """What comes next in the first channel, whole numbers: `"57, 61, 64"`."""
    ahead = course(content)[STEPS + APART - 1 :: APART, 0]
    return ", ".join(str(round(value)) for value in ahead)


class SeriesWorld(World):
    """CSV files."""

    modality, suffix, bytes_per_file = "series", "series.csv", 3_000
    settings = (
        "bridge.series={name: patch, length: 16, stride: 8}",
        "features.series={channels: 2, longest: 96}",
    )
    sample = "How many waves are there?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[SeriesContent]:
        """Every combination as often as any other, each file with a course of its own."""
        things = dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)
        seeds = rng.integers(2**31, size=count)
        return [
            SeriesContent(one.trend, one.waves, one.larger, one.change, int(seed))
            for one, seed in zip(things, seeds, strict=True)
        ]

    def write(self, path: Path, content: SeriesContent, rng: np.random.Generator) -> None:
        """As CSV, a column of times first; now and then a value is missing."""
        values = course(content)[:STEPS]
        missing = rng.random(values.shape) < 0.01
        lines = ["time,first,second"]
        for step, row in enumerate(values):
            cells = ["" if gap else f"{value:.2f}" for value, gap in zip(row, missing[step], strict=True)]
            lines.append(f"2026-01-01 {step // 4:02}:{step % 4 * 15:02},{','.join(cells)}")
        write_text(path, "\n".join(lines) + "\n")

    def ask(self, content: SeriesContent, rng: np.random.Generator) -> list[Question]:
        """About trend, waves, level, change, and what comes next."""
        known = {
            "series/trend": (content.trend, TRENDS), "series/waves": (content.waves, WAVES),
            "series/larger": (content.larger, LARGER), "series/change": (content.change, CHANGES),
            "series/forecast": (next_values(content), ()),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
