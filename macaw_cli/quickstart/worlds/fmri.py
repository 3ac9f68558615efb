"""Responses of a made-up brain to what it sees: each colour, shape and place adds a pattern over the voxels; as npy."""

import io
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.quickstart.attributes import COLOURS, PLACES, SHAPES
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt, phrased

VOXELS = 512
BRAIN_SEED = 15_724
"""Of the patterns, which are the same in every world: it is one subject."""
NOISE = 1.5
PHRASINGS = {
    "fmri/colour": ("What colour is seen?", "Which colour does the person see?", "Name the colour that is seen."),
    "fmri/shape": ("What shape is seen?", "Which shape does the person see?", "Name the shape that is seen."),
    "fmri/place": ("Where is the shape?", "Where does the person see it?", "Name the place of the shape."),
}


@dataclass(frozen=True)
class FmriContent:
    """What is seen."""

    colour: str
    shape: str
    place: str


def _all() -> list[FmriContent]:
    return [FmriContent(*values) for values in product(COLOURS, SHAPES, PLACES)]


def _is_unseen(one: FmriContent) -> bool:
    return (COLOURS.index(one.colour) + 2 * SHAPES.index(one.shape) + 3 * PLACES.index(one.place)) % 10 == 0


def response(content: FmriContent, rng: np.random.Generator) -> NDArray[np.float64]:
    """(VOXELS,)."""
    names = (*COLOURS, *(f"{shape} shape" for shape in SHAPES), *(f"{place} place" for place in PLACES))
    brain = dict(zip(names, np.random.default_rng(BRAIN_SEED).normal(0, 1, (len(names), VOXELS)), strict=True))
    seen = (content.colour, f"{content.shape} shape", f"{content.place} place")
    return sum((brain[name] for name in seen), rng.normal(0, NOISE, VOXELS)) + rng.normal(0, 0.5)


class FmriWorld(World):
    """NumPy files."""

    modality, suffix, bytes_per_file = "fmri", "fmri.npy", 2_200
    settings = ("bridge.fmri={name: affine, variant: objects, tokens_per_object: 8}", f"features.fmri.voxels={VOXELS}")
    sample = "What shape is seen?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[FmriContent]:
        """Every combination as often as any other."""
        return dealt([one for one in _all() if _is_unseen(one) == unseen], count, rng)

    def write(self, path: Path, content: FmriContent, rng: np.random.Generator) -> None:
        """As npy."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, response(content, rng).astype(np.float32))
        write_bytes(path, buffer.getvalue())

    def ask(self, content: FmriContent, rng: np.random.Generator) -> list[Question]:
        """About colour, shape and place."""
        known = {
            "fmri/colour": (content.colour, COLOURS), "fmri/shape": (content.shape, SHAPES),
            "fmri/place": (content.place, PLACES),
        }  # fmt: skip
        return [phrased(kind, PHRASINGS[kind], *answer, rng) for kind, answer in known.items()]
