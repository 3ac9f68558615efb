"""Images."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

IMAGE = ModalityEntry(
    name="image",
    plural="images",
    extensions=extensions(
        "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff ppm pgm pbm pnm avif heic heif hif jp2 j2k jpx"
    ),
    encoder="image",
    decoder="macaw_cli.media.decoding:decode_image",
    about="the image encoder's tokens: CLIP, SigLIP, DINOv2 and others",
    original=True,
    default_soft_tokens=5,
    keyword="images",
    raw_keyword="pixel_values",
)
