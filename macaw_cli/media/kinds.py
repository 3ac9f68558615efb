"""Which modality a file has: by its first bytes where they are certain, else by its name."""

from pathlib import Path, PurePosixPath

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media.heif_images import is_heif
from macaw_cli.modalities.table import TABLE, Modality, in_words

_BY_EXTENSION: dict[str, Modality] = {extension: name for name, row in TABLE.items() for extension in row.extensions}
_BY_FIRST_BYTES: tuple[tuple[bytes, Modality], ...] = (
    (b"\xff\xd8\xff", "image"), (b"\x89PNG\r\n\x1a\n", "image"), (b"GIF87a", "image"), (b"GIF89a", "image"),
    (b"II*\x00", "image"), (b"MM\x00*", "image"), (b"fLaC", "audio"), (b"ID3", "audio"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image"),
)  # fmt: skip
_CONTAINERS = (b"\x1aE\xdf\xa3", b"OggS", b"RIFF", b"FORM")
HEAD_BYTES = 64
"""As many of a file's first bytes as `modality_of_bytes` looks at."""
TEXT_BYTES = 512
"""As many as `holds_text` should be given."""


def modality_of(path: Path) -> Modality | None:
    """The modality of a file, or None when it is no medium.

    A second extension decides where there is one: `map.depth.png`. An image named `.mp4` is an image. A text file named
    `.jpg` still counts as an image, so that decoding it can say what is wrong; a container's first bytes do not tell
    audio from video, so there the name decides, and a container without a known name is taken for a video.
    """
    return modality_of_bytes(_head(path), path.name)


def modality_of_bytes(head: bytes, name: str) -> Modality | None:
    """The same for a medium that is no file of its own: by its first `HEAD_BYTES` bytes and its name."""
    return _said(name) or certain_modality(head) or modality_of_name(name) or _container(head, name)


def modality_of_name(name: str) -> Modality | None:
    """The modality by the extension alone, for what would have to be fetched to look inside."""
    return _said(name) or _BY_EXTENSION.get(PurePosixPath(name).suffix.lower())


def reads(modality: Modality, name: str) -> bool:
    """Whether the decoder of a modality reads files with such an extension."""
    row = TABLE[modality]
    return PurePosixPath(name).suffix.lower() in (*row.extensions, *row.file_kinds)


def named_place(place: str) -> tuple[Modality | None, str]:
    """`series:data/load.csv` as modality and path; a path without such a beginning, or that exists, as it is."""
    name, colon, rest = place.partition(":")
    if not colon or name not in TABLE or rest.startswith("//") or not rest or Path(place).exists():
        return None, place
    return name, rest


def meant_place(place: str) -> str:
    """The question whether a modality was mistyped, for a place that does not exist: `seris:load.csv`; else empty."""
    name, colon, rest = place.partition(":")
    near = closest(name.lower(), TABLE) if colon and rest and not rest.startswith("//") else []
    return f"Did you mean {near[0]}:{rest}?" if near else ""


def is_text(path: Path) -> bool:
    """Whether the beginning of the file is plain text, which no medium is."""
    return holds_text(_head(path, TEXT_BYTES))


def holds_text(head: bytes) -> bool:
    """The same by a file's first bytes."""
    return bool(head) and not any(byte < 9 or 13 < byte < 32 for byte in head) and b"\x00" not in head


def unknown_kind(what: str, wanted: Modality | None = None) -> InputError:
    """The error for a file of no known kind.

    Args:
        what: the file, as its message begins.
        wanted: the modality that it should have.
    """
    if wanted is not None:
        kinds = ", ".join((*TABLE[wanted].extensions, *TABLE[wanted].file_kinds))
        return InputError(f"{what} does not end in what {TABLE[wanted].plural} are read from: {kinds}.")
    extension = PurePosixPath(what).suffix.lower()
    named = [name for name, row in TABLE.items() if extension in row.file_kinds]
    hint = f"Tell what it holds: {named[0]}:{what}, or rename it to *.{named[0]}{extension}." if named else ""
    return InputError(f"{what} is not an {in_words()} file.", hint)


def certain_modality(head: bytes) -> Modality | None:
    """The modality that a file's first bytes tell beyond doubt; None where they do not."""
    for first_bytes, modality in _BY_FIRST_BYTES:
        if head.startswith(first_bytes):
            return modality
    if head.startswith(b"RIFF"):
        return {b"WAVE": "audio", b"WEBP": "image", b"AVI ": "video"}.get(head[8:12])
    if is_heif(head):
        return "image"
    if head[4:8] == b"ftyp":
        return {b"avif": "image", b"avis": "image", b"M4A ": "audio"}.get(head[8:12])
    return None


def _said(name: str) -> Modality | None:
    """The modality that a second extension names, where its decoder reads the last one: `load.series.csv`."""
    before, _, said = PurePosixPath(name.lower()).stem.rpartition(".")
    return said if before and said in TABLE and reads(said, name) else None


def _container(head: bytes, name: str) -> Modality | None:
    if PurePosixPath(name).suffix:  # a name that says something else: `model.ckpt` is no video, whatever it begins with
        return None
    return "video" if head.startswith(_CONTAINERS) or head[4:8] == b"ftyp" else None


def _head(path: Path, size: int = HEAD_BYTES) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(size)
    except (OSError, ValueError, InputError):
        return b""
