"""Point clouds, with colours or without."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

GROUPS, NEIGHBOURS = 64, 16
"""Groups of a cloud, and points of a group."""
OCTAVES = (1, 2, 4)
"""Sines and cosines of so many times pi times the centre's coordinates tell where a group is."""

POINTS = ModalityEntry(
    name="points",
    plural="point clouds",
    extensions=extensions("ply"),
    file_kinds=extensions("xyz npy"),
    encoder=None,
    decoder="macaw_cli.media.points:decode_points",
    about="64 groups of 16 neighbours: centre and radius, and places and colours relative to them",
    default_bridge="mlp",
    feature_shape=(GROUPS, 3 + 6 * len(OCTAVES) + 1 + 6 * NEIGHBOURS),
)
