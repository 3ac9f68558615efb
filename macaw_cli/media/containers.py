"""Open films and sounds with PyAV, its many errors turned into one reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from macaw_cli.basics.errors import InputError
from macaw_cli.media.kinds import is_text


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a film before decoding: seconds of picture, frames (0: unknown), container, codec, sound."""

    duration: float
    frames: int
    container: str
    codec: str
    has_sound: bool


@contextmanager
def open_media(path: Path | str) -> Iterator[Any]:
    """Open a container for reading.

    Raises:
        InputError: missing, no film or sound, or an error of FFmpeg inside the block.
    """
    path = Path(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (av.FFmpegError, OSError) as error:
        content = "it is empty" if path.stat().st_size == 0 else "it holds text" if is_text(path) else reason_of(error)
        raise InputError(f"{path} cannot be decoded: {content}.") from None


def video_info(path: Path | str) -> VideoInfo:
    """Duration and kind of the best picture stream.

    Raises:
        InputError: not a film, or one without pictures.
    """
    with open_media(path) as container:
        stream = picture_stream(container, Path(path))
        codec = stream.codec_context.name if stream.codec_context else ""
        return VideoInfo(picture_seconds(container, stream), stream.frames, container.format.name, codec,
                         bool(container.streams.audio))  # fmt: skip


def has_pictures(path: Path | str) -> bool:
    """Whether there is a picture stream that is more than a cover.

    Raises:
        InputError: not a film or sound at all.
    """
    with open_media(path) as container:
        return any(_is_film(stream) for stream in container.streams.video)


def has_sound(path: Path | str) -> bool:
    """Whether there is a sound stream.

    Raises:
        InputError: not a film or sound at all.
    """
    with open_media(path) as container:
        return bool(container.streams.audio)


def picture_stream(container: Any, path: Path) -> Any:
    """The best picture stream, as FFmpeg ranks them.

    Raises:
        InputError: there is none.
    """
    stream = container.streams.best("video")
    if stream is None or not _is_film(stream):
        raise InputError(f"{path} has no pictures in it.")
    if stream.codec_context is None:
        raise InputError(f"{path} has pictures of an unknown kind.")
    return stream


def picture_seconds(container: Any, stream: Any) -> float:
    """Seconds of picture: from the stream's header, else from its packets' times, which reads the file once."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    end = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None:
            last = packet.pts - (stream.start_time or 0) + (packet.duration or 0)
            end = max(end, float(last * packet.time_base))
    container.seek(0)
    return end


def reason_of(error: BaseException) -> str:
    """What FFmpeg said, without its error number and the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def _is_film(stream: Any) -> bool:
    return not stream.disposition & av.stream.Disposition.attached_pic
