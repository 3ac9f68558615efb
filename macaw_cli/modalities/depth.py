"""Depth maps, through the image encoder."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

DEPTH = ModalityEntry(
    name="depth",
    plural="depth maps",
    extensions=(),
    file_kinds=extensions("png tif tiff npy"),
    encoder="image",
    decoder="macaw_cli.media.depth:decode_depth",
    about="the image encoder's tokens of the map in grey, the near bright",
    default_soft_tokens=5,
    raw_keyword="pixel_values_depth",
)
