"""Which modality a file has: by its first bytes where they are certain, else by its name."""

from pathlib import Path

from macaw_cli.config.settings import Modality

_IMAGE = "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff ppm pgm pnm"
_AUDIO = "wav wave flac mp3 ogg oga opus m4a aac wma ac3 aif aiff aifc au caf w64 rf64 mka mp2"
_VIDEO = "mp4 m4v mkv webm mov avi ts mts m2ts mpg mpeg vob flv wmv 3gp 3g2 ogv asf"
_BY_EXTENSION: dict[str, Modality] = {
    **{f".{name}": "image" for name in _IMAGE.split()},
    **{f".{name}": "audio" for name in _AUDIO.split()},
    **{f".{name}": "video" for name in _VIDEO.split()},
}  # fmt: skip
_BY_FIRST_BYTES: tuple[tuple[bytes, Modality], ...] = (
    (b"\xff\xd8\xff", "image"), (b"\x89PNG\r\n\x1a\n", "image"), (b"GIF87a", "image"), (b"GIF89a", "image"),
    (b"II*\x00", "image"), (b"MM\x00*", "image"), (b"fLaC", "audio"), (b"ID3", "audio"),
)  # fmt: skip
_CONTAINERS = (b"\x1aE\xdf\xa3", b"OggS", b"RIFF", b"FORM")
_HEAD_BYTES = 64


def modality_of(path: Path) -> Modality | None:
    """The modality of a file, or None when it is no medium.

    A picture named `.mp4` is a picture. A text file named `.jpg` still counts as an image, so that decoding it can
    say what is wrong; a container's first bytes do not tell sound from film, so there the name decides, and a
    container without a known name is taken for a film.
    """
    return _certain(path) or _BY_EXTENSION.get(path.suffix.lower()) or _container(path)


def is_text(path: Path) -> bool:
    """Whether the beginning of the file is plain text, which no medium is."""
    head = _head(path, 512)
    return bool(head) and not any(byte < 9 or 13 < byte < 32 for byte in head) and b"\x00" not in head


def _certain(path: Path) -> Modality | None:
    head = _head(path)
    for first_bytes, modality in _BY_FIRST_BYTES:
        if head.startswith(first_bytes):
            return modality
    if head.startswith(b"RIFF"):
        return {b"WAVE": "audio", b"WEBP": "image", b"AVI ": "video"}.get(head[8:12])  # type: ignore[return-value]
    return None


def _container(path: Path) -> Modality | None:
    head = _head(path)
    if path.suffix:  # a name that says something else: `model.ckpt` is no film, whatever it begins with
        return None
    return "video" if head.startswith(_CONTAINERS) or head[4:8] == b"ftyp" else None


def _head(path: Path, size: int = _HEAD_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""
