"""Recordings of a phone in a pocket: what its owner does, where they turn, and which side is up; as CSV."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

STEPS, RATE_HZ = 192, 100.0
GRAVITY = 9.81
ACTIVITIES = ("rest", "walk", "run", "jump")
TURNS = ("left", "right", "none")
SIDES = ("top", "bottom", "left", "right")
PHRASINGS = {
    "imu/activity": ("What is done?", "Which activity is it?", "Name the activity.", "What does the person do?"),
    "imu/turn": ("Which way does the person turn?", "In which direction is the turn?", "Name the turn."),
    "imu/side": ("Which side is up?", "Which side of the phone is up?", "Name the side that is up."),
}
HERTZ = {"rest": (0.0, 0.0), "walk": (1.6, 2.1), "run": (2.7, 3.3), "jump": (0.9, 1.1)}
STRENGTH = {"rest": 0.0, "walk": 2.0, "run": 6.0, "jump": 12.0}
UP = {"top": (0, 1), "bottom": (0, -1), "left": (1, 1), "right": (1, -1)}


@dataclass(frozen=True)
class ImuContent:
    """What is done, where it turns, and which side is up."""

    activity: str
    turn: str
    side: str


def _all() -> list[ImuContent]:
    return [ImuContent(*values) for values in product(ACTIVITIES, TURNS, SIDES)]


def _is_unseen(one: ImuContent) -> bool:
    return (ACTIVITIES.index(one.activity) + 2 * TURNS.index(one.turn) + SIDES.index(one.side)) % 8 == 0


def motion(content: ImuContent, rng: np.random.Generator) -> NDArray[np.float64]:
    """(STEPS, 6): acceleration in m/s² and angular velocity in rad/s, both along three axes."""
    time = np.arange(STEPS) / RATE_HZ
    axis, sign = UP[content.side]
    hertz, strength = rng.uniform(*HERTZ[content.activity]), STRENGTH[content.activity] * rng.uniform(0.8, 1.2)
    wave = np.sin(2 * np.pi * hertz * time + rng.uniform(0, 2 * np.pi))
    pace = np.maximum(wave, 0) ** 4 * 2 - 0.5 if content.activity == "jump" else wave
    values = rng.normal(0, 0.15, (STEPS, 6))
    values[:, axis] += sign * (GRAVITY + strength * pace)
    values[:, 2] += 0.3 * strength * np.sin(2 * np.pi * hertz * time + rng.uniform(0, 2 * np.pi))
    rate = {"left": 1, "right": -1, "none": 0}[content.turn] * rng.uniform(0.8, 1.6)
    values[:, 3 + axis] += sign * rate
    values[:, 3:] += 0.1 * strength * rng.normal(0, 0.2, (STEPS, 3))
    return values


class ImuWorld(World):
    """CSV files with times."""

    modality, suffix, bytes_per_file = "imu", "imu.csv", 10_000
    settings = (
        "bridge.imu={name: patch, channels: mixed, instance_norm: false, length: 16, stride: 8}", "training.epochs=6",
    )  # fmt: skip
    sample = "What is done?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[ImuContent]:
        """Every combination as often as any other."""
        return dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)

    def write(self, path: Path, content: ImuContent, rng: np.random.Generator) -> None:
        """As CSV, a column of seconds first."""
        lines = ["time,ax,ay,az,gx,gy,gz"]
        for step, row in enumerate(motion(content, rng)):
            lines.append(f"{step / RATE_HZ:.2f}," + ",".join(f"{value:.3f}" for value in row))
        write_text(path, "\n".join(lines) + "\n")

    def ask(self, content: ImuContent, rng: np.random.Generator) -> list[Question]:
        """About activity, turn and side."""
        known = {
            "imu/activity": (content.activity, ACTIVITIES), "imu/turn": (content.turn, TURNS),
            "imu/side": (content.side, SIDES),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
