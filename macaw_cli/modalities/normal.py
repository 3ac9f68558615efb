"""Maps of surface normals, through the image encoder."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

NORMAL = ModalityEntry(
    name="normal",
    plural="normal maps",
    extensions=(),
    file_kinds=extensions("png npy"),
    encoder="image",
    decoder="macaw_cli.media.normals:decode_normal",
    about="the image encoder's tokens of the map in colours, x, y and z as red, green and blue",
    default_soft_tokens=5,
    raw_keyword="pixel_values_normal",
)
