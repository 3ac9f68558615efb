"""The one door to images and containers: formats that people have, none that starts a program or opens other files.

Pillow hands an EPS to Ghostscript, and FFmpeg opens whatever a playlist, a concat script or an external data reference
names. So both are told beforehand what a file may be; whatever else it looks like to them, it is refused unread.
"""

from pathlib import Path
from typing import Any, BinaryIO

import av
from PIL import (  # noqa: F401 - importing a plugin registers it; no others are loaded
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import require_regular

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF")
"""Names of Pillow's plugins. Those of an extra package may stand here too: they count where they are registered."""

CONTAINER_FORMATS = (
    "mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg", "gif", "mxf", "dv",
    "ivf", "h264", "hevc", "m4v", "obu", "rm", "wtv", "nut",
    "mp3", "aac", "loas", "wav", "w64", "flac", "aiff", "caf", "au", "amr", "ac3", "eac3", "dts", "truehd", "wv", "ape",
    "tta", "voc", "dsf", "iamf",
)  # fmt: skip
"""Names of FFmpeg's demuxers that read their own file and nothing beside it.

Left out on purpose: `hls`, `dash`, `concat`, `sdp`, `rtsp`, `imf`, `image2`, `vobsub`, `mlv`, `lavfi`, `ffmetadata` and
devices, which open other places, and all that take any bytes or text for media (`data`, `tty`, `bin`, raw samples).
"""
_NOTHING_ELSE = {
    "format_whitelist": ",".join(CONTAINER_FORMATS),
    "protocol_whitelist": "file",
    "enable_drefs": "0",
    "use_absolute_path": "0",
}


def open_container(path: Path) -> Any:
    """Open a video or audio file for reading; a context manager.

    Raises:
        InputError: it is no regular file, or of no known format.
        OSError: it does not exist or cannot be read.
        av.FFmpegError: FFmpeg cannot read it.
    """
    require_regular(path)
    try:
        # `file:` and a whole path, or else FFmpeg reads `concat:a|b`, `subfile:` and their like out of a name
        return av.open(f"file:{path.absolute()}", metadata_errors="replace", container_options=dict(_NOTHING_ELSE))
    except av.ArgumentError:
        problem = f"{path} cannot be decoded: its content has no audio or video format that macaw reads."
        raise InputError(problem) from None


def open_image(path: Path, content: BinaryIO | None = None) -> Image.Image:
    """Open an image for reading, its pixels still undecoded; a context manager.

    Args:
        path: of the image.
        content: to read instead of the file's, with what Pillow cannot take left out.

    Raises:
        InputError: it is no regular file.
        OSError: it does not exist, cannot be read, or is of no known format (`PIL.UnidentifiedImageError`).
    """
    require_regular(path)
    known = [name for name in IMAGE_FORMATS if name in Image.OPEN]
    return Image.open(path if content is None else content, formats=known)
