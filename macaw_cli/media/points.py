"""Point clouds as groups of neighbours around points that are spread over the cloud.

Source of the grouping: Point-BERT (arXiv 2111.14819, section 3.1), whose tokeniser OneLLM (arXiv 2312.03700) takes:
farthest-point sampling of centres, the nearest neighbours of each, and their coordinates relative to the centre. The
small network that makes a token of a group there is trained; here that is the bridge, which reads the coordinates.

Letters: P points, G groups, K points of a group.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.point_files import read_points
from macaw_cli.modalities.points import GROUPS, NEIGHBOURS

MOST_POINTS = 4096
"""Points that are looked at; more are sampled at random, with one seed for all files."""
SEED = 2312_03700
GREY = 0.5
"""The colour of clouds that have none."""


def decode_points(request: Request) -> Decoded:
    """The decoder of point clouds: (G, 3 + 6 K) fp32: a group's centre, then its points from near to far.

    The cloud is moved to its mean and brought to radius 1; a point is its place relative to the centre, in units of a
    quarter of that radius, and its colour from -1 to 1.

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
    """Groups (G, 3 + 6 K) of points (P, 3) and their colours (P, 3); points stand in several where there are few."""
    centres = places[farthest_points(places, GROUPS)]
    distances = ((centres[:, None] - places[None]) ** 2).sum(axis=2)
    order = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]
    order = np.concatenate([order, np.repeat(order[:, -1:], NEIGHBOURS - order.shape[1], axis=1)], axis=1)
    near = (places[order] - centres[:, None]) * 4
    groups = np.concatenate([near, colours[order]], axis=2).reshape(GROUPS, -1)
    return np.concatenate([centres, groups], axis=1)


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
