"""Open video and audio files with PyAV, its many errors turned into one reason."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av

from macaw_cli.basics.errors import InputError
from macaw_cli.media.kinds import is_text
from macaw_cli.media.opening import open_container
from macaw_cli.media.second_files import require_one_file


@contextmanager
def open_media(path: Path | str) -> Iterator[Any]:
    """Open a container for reading.

    Raises:
        InputError: missing, no video or audio, or an error of FFmpeg inside the block.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} cannot be decoded: it is empty.")
    if path.is_file() and is_text(path):  # a playlist would make FFmpeg open whatever it names
        raise InputError(f"{path} cannot be decoded: it holds text.")
    try:
        require_one_file(path)
        with open_container(path) as container:
            yield container
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path} cannot be decoded: {reason_of(error)}.") from None


def has_video(path: Path | str) -> bool:
    """Whether there is a video stream that is more than a cover.

    Raises:
        InputError: not a video or audio file at all.
    """
    with open_media(path) as container:
        return bool(video_streams(container))


def has_audio(path: Path | str) -> bool:
    """Whether there is an audio stream.

    Raises:
        InputError: not a video or audio file at all.
    """
    with open_media(path) as container:
        return bool(container.streams.audio)


def video_streams(container: Any) -> list[Any]:
    """The video streams that are more than a cover."""
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def main_video_stream(container: Any, path: Path) -> Any:
    """The video stream with the largest images, covers aside; FFmpeg's own choice depends on how far it looked.

    Raises:
        InputError: there is none.
    """
    videos = video_streams(container)
    if not videos:
        raise InputError(f"{path} has no video stream.")
    stream = max(videos, key=lambda video: video.width * video.height if video.codec_context else 0)
    if stream.codec_context is None:
        raise InputError(f"{path} has a video stream of an unknown format.")
    return stream


def frame_size(path: Path | str) -> tuple[int, int]:
    """Width and height of a video's frames, as its header tells them.

    Raises:
        InputError: it is no video, or one of an unknown format.
    """
    with open_media(path) as container:
        context = main_video_stream(container, Path(path)).codec_context
        return context.width, context.height


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of a stream, then an empty one.

    Where a stream appears after the beginning (MPEG-TS, FLV), PyAV raises IndexError once all has been read.
    """
    with suppress(IndexError):
        yield from container.demux(stream)


def reason_of(error: BaseException) -> str:
    """What FFmpeg said, without its error number and the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")
