"""Point clouds, with colours or without."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

GROUPS, NEIGHBOURS = 64, 16
"""Groups of a cloud, and points of a group."""

POINTS = ModalityEntry(
    name="points",
    plural="point clouds",
    extensions=extensions("ply"),
    file_kinds=extensions("xyz npy"),
    encoder=None,
    decoder="macaw_cli.media.points:decode_points",
    about="64 groups of 16 neighbours: a centre, and their places and colours relative to it",
    default_bridge="mlp",
    feature_shape=(GROUPS, 3 + 6 * NEIGHBOURS),
)
