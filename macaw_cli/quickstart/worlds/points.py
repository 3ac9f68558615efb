"""Clouds of points on the surfaces of one to three equal bodies of one colour; as binary PLY."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.quickstart.attributes import COLOURS
from macaw_cli.quickstart.images import RGB
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

POINTS = 1024
BODIES = ("ball", "cube", "cone", "ring")
COUNTS = ("one", "two", "three")
PHRASINGS = {
    "points/body": ("What is it?", "Which body is it?", "Name the body.", "What do you see?"),
    "points/colour": ("What colour is it?", "Which colour does it have?", "Name the colour.", "What is its colour?"),
    "points/count": ("How many are there?", "Count the bodies.", "How many bodies are there?"),
}


@dataclass(frozen=True)
class PointsContent:
    """Bodies of one kind and colour."""

    body: str
    colour: str
    count: str


def _all() -> list[PointsContent]:
    return [PointsContent(*values) for values in product(BODIES, COLOURS, COUNTS)]


def _is_unseen(one: PointsContent) -> bool:
    return (BODIES.index(one.body) + 2 * COLOURS.index(one.colour) + 3 * COUNTS.index(one.count)) % 9 == 0


def surface(body: str, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3) on the surface of a body about as large as a ball of radius 1."""
    angle, height = rng.uniform(0, 2 * np.pi, count), rng.uniform(-1, 1, count)
    if body == "ball":
        across = np.sqrt(1 - height**2)
        return np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)
    if body == "cube":
        points = rng.uniform(-0.85, 0.85, (count, 3))
        points[np.arange(count), rng.integers(3, size=count)] = 0.85 * rng.choice((-1, 1), count)
        return points
    if body == "cone":
        across = np.sqrt(rng.uniform(0, 1, count))
        low = rng.random(count) < 0.35
        return np.stack([across * np.cos(angle), across * np.sin(angle), np.where(low, -1.0, 1 - 2 * across)], axis=1)
    tube = rng.uniform(0, 2 * np.pi, count)
    across = 0.8 + 0.25 * np.cos(tube)
    return np.stack([across * np.cos(angle), across * np.sin(angle), 0.25 * np.sin(tube)], axis=1)


def cloud(content: PointsContent, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Places (POINTS, 3) and colours (POINTS, 3); the bodies stand side by side, turned at random."""
    count = COUNTS.index(content.count) + 1
    parts = []
    for number, size in enumerate(np.array_split(np.arange(POINTS), count)):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        body = surface(content.body, len(size), rng) * rng.uniform(0.85, 1.15) @ turn.T
        place = [2.8 * (number - (count - 1) / 2), rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)]
        parts.append(body + place)
    places = np.concatenate(parts) + rng.normal(0, 0.02, (POINTS, 3))
    paint = np.array(RGB[content.colour]) + rng.uniform(-20, 20, 3) + rng.normal(0, 8, (POINTS, 3))
    return (places * rng.uniform(0.1, 10)).astype(np.float32), np.clip(paint, 0, 255).astype(np.uint8)


class PointsWorld(World):
    """PLY files."""

    modality, suffix, bytes_per_file = "points", "ply", 16_000
    settings = ("bridge.points={name: mlp}",)
    sample = "How many are there?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[PointsContent]:
        """Every combination as often as any other."""
        return dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)

    def write(self, path: Path, content: PointsContent, rng: np.random.Generator) -> None:
        """As binary PLY."""
        places, colours = cloud(content, rng)
        names = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
        rows = np.empty(POINTS, dtype=names)
        for name, column in zip([name for name, _ in names], [*places.T, *colours.T], strict=True):
            rows[name] = column
        kinds = ["float"] * 3 + ["uchar"] * 3
        lines = [f"property {kind} {name}" for kind, (name, _) in zip(kinds, names, strict=True)]
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {POINTS}", *lines, "end_header", ""]
        write_bytes(path, "\n".join(header).encode() + rows.tobytes())

    def ask(self, content: PointsContent, rng: np.random.Generator) -> list[Question]:
        """About body, colour and count."""
        known = {
            "points/body": (content.body, BODIES), "points/colour": (content.colour, COLOURS),
            "points/count": (content.count, COUNTS),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
