"""Normal maps of one thing before a wall, whose face is turned to one side; as PNG in the usual colours."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from macaw_cli.quickstart.attributes import PLACES, SHAPES
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.depth import outline
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

FACES = ("left", "right", "up", "down")
TOWARDS = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}
PHRASINGS = {
    "normal/shape": ("What shape is it?", "Which shape is in the map?", "Name the shape.", "What shape do you see?"),
    "normal/place": ("Where is the shape?", "In which part of the map is the shape?", "Name the place of the shape."),
    "normal/face": ("Which way does the shape face?", "Where is its face turned?", "In which direction does it face?"),
}


@dataclass(frozen=True)
class NormalContent:
    """A shape at a place, turned to one side."""

    shape: str
    place: str
    face: str


def _all() -> list[NormalContent]:
    return [NormalContent(*values) for values in product(SHAPES, PLACES, FACES)]


def _is_unseen(one: NormalContent) -> bool:
    return (SHAPES.index(one.shape) + 2 * PLACES.index(one.place) + 3 * FACES.index(one.face)) % 10 == 0


def normals(content: NormalContent, rng: np.random.Generator) -> NDArray[np.float64]:
    """(H, W, 3), of length 1: x to the right, y up, z to whoever looks."""
    inside = outline(content.shape, content.place, rng)[:, :, None]
    angle = rng.uniform(0.6, 1.0)
    x, y = TOWARDS[content.face]
    face = np.array([x * np.sin(angle), y * np.sin(angle), np.cos(angle)])
    mixed = face * inside + np.array([0.0, 0.0, 1.0]) * (1 - inside) + rng.normal(0, 0.05, (*inside.shape[:2], 3))
    unit: NDArray[np.float64] = mixed / np.linalg.norm(mixed, axis=2, keepdims=True)
    return unit


class NormalWorld(World):
    """PNG files."""

    modality, suffix, bytes_per_file = "normal", "normal.png", 12_000
    settings = ("bridge.normal={name: mlp}",)
    sample = "Which way does the shape face?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[NormalContent]:
        """Every combination as often as any other."""
        return dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)

    def write(self, path: Path, content: NormalContent, rng: np.random.Generator) -> None:
        """As PNG."""
        Image.fromarray(np.rint((normals(content, rng) + 1) * 127.5).astype(np.uint8)).save(path)

    def ask(self, content: NormalContent, rng: np.random.Generator) -> list[Question]:
        """About shape, place and face."""
        known = {
            "normal/shape": (content.shape, SHAPES), "normal/place": (content.place, PLACES),
            "normal/face": (content.face, FACES),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
