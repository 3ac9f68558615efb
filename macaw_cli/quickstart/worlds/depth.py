"""Depth maps of one thing before a wall or of a hole in it, as 16-bit PNG in millimetres."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from macaw_cli.quickstart.attributes import PLACES, SHAPES
from macaw_cli.quickstart.images import Look, draw, random_centre
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

RELATIONS = ("near", "far")
PHRASINGS = {
    "depth/shape": ("What shape is it?", "Which shape is in the map?", "Name the shape.", "What shape do you see?"),
    "depth/place": ("Where is the shape?", "In which part of the map is the shape?", "Name the place of the shape."),
    "depth/distance": ("Is the shape near or far?", "Is it nearer or farther than the wall?", "How far is the shape?"),
}


@dataclass(frozen=True)
class DepthContent:
    """A shape at a place, before the wall or behind it."""

    shape: str
    place: str
    distance: str


def _all() -> list[DepthContent]:
    return [DepthContent(*values) for values in product(SHAPES, PLACES, RELATIONS)]


def _is_unseen(one: DepthContent) -> bool:
    return (SHAPES.index(one.shape) + 2 * PLACES.index(one.place) + 3 * RELATIONS.index(one.distance)) % 10 == 0


def outline(shape: str, place: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """(H, W) from 0, outside the shape, to 1, inside."""
    look = Look(
        radius=float(rng.uniform(10.5, 13.5)), rotation=float(rng.uniform(-0.3, 0.3)), paint=(255, 255, 255),
        ground=(0, 0, 0), slope=(0.0, 0.0), grain=0.0,
    )  # fmt: skip
    return np.asarray(draw(shape, random_centre(place, rng), look, rng).convert("L")).astype(np.float64) / 255


def depth_map(content: DepthContent, rng: np.random.Generator) -> NDArray[np.uint16]:
    """(H, W) in millimetres; 0 where the sensor knew nothing."""
    inside = outline(content.shape, content.place, rng)
    wall = rng.uniform(1500, 4000)
    apart = wall * rng.uniform(0.3, 0.5) * (-1 if content.distance == "near" else 1)
    depths = wall + apart * inside + rng.normal(0, 0.01 * wall, inside.shape)
    depths[rng.random(inside.shape) < 0.005] = 0
    return np.rint(depths).astype(np.uint16)


class DepthWorld(World):
    """PNG files of 16 bits."""

    modality, suffix, bytes_per_file = "depth", "depth.png", 9_000
    settings = ("bridge.depth={name: mlp}",)
    sample = "What shape is it?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[DepthContent]:
        """Every combination as often as any other."""
        return dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)

    def write(self, path: Path, content: DepthContent, rng: np.random.Generator) -> None:
        """As 16-bit PNG."""
        Image.fromarray(depth_map(content, rng)).save(path)

    def ask(self, content: DepthContent, rng: np.random.Generator) -> list[Question]:
        """About shape, place and distance."""
        known = {
            "depth/shape": (content.shape, SHAPES), "depth/place": (content.place, PLACES),
            "depth/distance": (content.distance, RELATIONS),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
