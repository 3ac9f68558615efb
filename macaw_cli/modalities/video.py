"""Video; its soundtrack is audio."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

VIDEO = ModalityEntry(
    name="video",
    plural="videos",
    extensions=extensions("mp4 m4v mkv webm mov avi ts mts m2ts mpg mpeg vob flv wmv 3gp 3g2 ogv asf"),
    encoder="image",
    decoder="macaw_cli.media.decoding:decode_video",
    about="the image encoder's tokens of each frame",
    original=True,
    default_soft_tokens=39,
    feature_rank=3,
    keyword="videos",
    raw_keyword="pixel_values_videos",
    contains=("audio",),
)
