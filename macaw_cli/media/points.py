"""Point clouds as groups of neighbours around points that are spread over the cloud.

Source of the grouping: Point-BERT (arXiv 2111.14819, section 3.1): farthest-point sampling of centres, the nearest
neighbours of each, and their coordinates relative to the centre. The small network that makes a token of a group there
is trained; here that is the bridge, which reads coordinates. So that one layer can tell places and shapes apart, a
group is wide and has radius 1, and the centre is told by sines and cosines as well (NeRF, arXiv 2003.08934, section
5.1).

Letters: P points, G groups, K points of a group.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.point_files import read_points
from macaw_cli.modalities.points import GROUPS, NEIGHBOURS, OCTAVES

MOST_POINTS = 4096
"""Points that are looked at; more are sampled at random, with one seed for all files."""
SEED = 2312_03700
SHARE = 8
"""A group has one of so many points of the cloud."""
SMALLEST = 1e-3
"""Radius of a group of equal points."""
GREY = 0.5
"""The colour of clouds that have none."""


def decode_points(request: Request) -> Decoded:
    """The decoder of point clouds: (G, C) fp32: a group's centre and radius, then its points from near to far.

    The cloud is moved to its mean and brought to radius 1. A group has the nearest eighth of all points, of which K are
    taken: each as its place relative to the centre, in units of the group's radius, and its colour from -1 to 1.

    Known of it: `points`, of the file; `radius`, in its units; `coloured`.

    Raises:
        InputError: the file cannot be read, or holds no points.
    """
    cloud = read_points(Path(request["path"]))
    known = {"points": len(cloud), "coloured": cloud.shape[1] == 6}
    if len(cloud) > MOST_POINTS:
        chosen = np.random.default_rng(SEED).choice(len(cloud), MOST_POINTS, replace=False)
        cloud = cloud[np.sort(chosen)]
    places = cloud[:, :3] - cloud[:, :3].mean(axis=0)
    radius = float(np.linalg.norm(places, axis=1).max())
    places = places / (radius or 1.0)
    colours = cloud[:, 3:] if cloud.shape[1] == 6 else np.full_like(places, GREY)
    features = grouped(places, 2 * np.clip(colours, 0, 1) - 1)
    return known | {"radius": float(f"{radius:.6g}")}, {request["modality"]: features.astype(np.float32)}


def grouped(places: NDArray[np.float64], colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Groups (G, C) of points (P, 3) and their colours (P, 3); points stand in several groups, or twice in one."""
    centres = places[farthest_points(places, GROUPS)]
    distances = ((centres[:, None] - places[None]) ** 2).sum(axis=2)
    ranks = np.linspace(0, max(len(places) // SHARE, min(NEIGHBOURS, len(places))) - 1, NEIGHBOURS).astype(np.int64)
    order = np.argsort(distances, axis=1, kind="stable")[:, ranks]
    near = places[order] - centres[:, None]
    radius = np.linalg.norm(near, axis=2).max(axis=1)[:, None]
    near = near / np.where(radius, radius, 1.0)[:, :, None]
    points = np.concatenate([near, colours[order]], axis=2).reshape(GROUPS, -1)
    waves = [wave(np.pi * octave * centres) for wave in (np.sin, np.cos) for octave in OCTAVES]
    return np.concatenate([3 * centres, *waves, np.log(radius + SMALLEST), points], axis=1)


def farthest_points(places: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """`count` numbers of points (P, 3), each the farthest from those before it; the first is farthest from the mean.

    Where there are fewer points, they repeat.

    Source: Eldar et al. 1997, "The Farthest Point Strategy for Progressive Image Sampling".
    """
    chosen = np.empty(count, dtype=np.int64)
    distances = np.full(len(places), np.inf)
    chosen[0] = np.argmax(((places - places.mean(axis=0)) ** 2).sum(axis=1))
    for number in range(1, count):
        distances = np.minimum(distances, ((places - places[chosen[number - 1]]) ** 2).sum(axis=1))
        chosen[number] = np.argmax(distances)
    return chosen
