"""Frames of a video by PyAV: from the nearest place where decoding can begin to each wanted frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.clock import packets_in_order
from macaw_cli.media.containers import main_video_stream, open_media, reason_of
from macaw_cli.media.orientation import is_upright, shown
from macaw_cli.media.timeline import Timeline


def search_frames(path: Path, positions: list[int], timeline: Timeline) -> np.ndarray:
    """The frames at ascending positions of a video's timeline.

    Returns:
        (len(positions), H, W, 3) uint8 RGB, upright.

    Raises:
        InputError: one of them cannot be decoded.
    """
    with open_media(path) as container:
        stream = main_video_stream(container, path)
        stream.thread_type = "NONE"  # one file per process already
        search = _Search(container, stream, path, timeline)
        images: dict[int, np.ndarray] = {}
        for position in positions:
            if position not in images:
                images[position] = shown(search.at(position), timeline.pixel_aspect)
        return np.stack(_of_one_size([images[position] for position in positions]))


def is_stored_upright(path: Path, timeline: Timeline) -> bool:
    """Whether a video is shown as it is stored.

    Raises:
        InputError: it has no frame that can be decoded.
    """
    with open_media(path) as container:
        stream = main_video_stream(container, path)
        return is_upright(_Search(container, stream, path, timeline).at(int(timeline.positions[0])))


class _Search:
    """Walks through a video, always forwards, jumping where a later place to begin is known."""

    def __init__(self, container: Any, stream: Any, path: Path, timeline: Timeline) -> None:
        self._container, self._stream, self._path, self._timeline = container, stream, path, timeline
        self._problem = ""
        self._delay: int | None = None
        self._frames = self._decoded()
        self._reached = int(timeline.keys[0]) if len(timeline.keys) else 0
        self._shown: tuple[int, Any] | None = None
        self._ahead: tuple[int, Any] | None = None

    def at(self, position: int) -> Any:
        """The frame at `position`, or the last one before it that can be decoded; positions must ascend."""
        if self._timeline.counted and self._shown is None:
            self._shown = next(self._frames, None)  # the first frame tells how late frames come out
        key = int(np.searchsorted(self._timeline.keys, position, side="right")) - 1
        if key > 0 and self._timeline.keys[key] > self._reached and not self._timeline.clock.restarts:
            self._jump(key, position)
        while self._shown is None or self._shown[0] < position:
            following = self._ahead or next(self._frames, None)
            self._ahead = None
            if following is None:
                break
            self._reached = following[0]
            if self._shown is not None and following[0] > position:
                self._ahead = following
                break
            self._shown = following
        if self._shown is None:
            raise InputError(f"{self._path} has no frame that can be decoded{self._why()}.")
        return self._shown[1]

    def _jump(self, key: int, position: int) -> None:
        """Begin at a place where decoding can begin, an earlier one when the container leads too far."""
        for earlier in (0, 1, 4, key):
            beginning = min(0, self._stream.start_time or 0)
            seek = int(self._timeline.keys[key - earlier]) if earlier < key else beginning
            try:
                self._container.seek(seek, stream=self._stream)
            except av.FFmpegError:  # no container to seek in, or a broken one: reading on leads there as well
                return
            self._frames = self._decoded()
            self._shown, self._ahead = None, next(self._frames, None)
            if self._ahead is not None and self._ahead[0] <= position:
                return

    def _decoded(self) -> Iterator[tuple[int, Any]]:
        """(position, frame) in the order shown, from where the container stands."""
        begun, number = False, -1
        for packet in packets_in_order(self._container, self._stream, self._timeline.clock):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._problem = reason_of(error)
                if begun:  # images after a hole are garbage up to the next key frame
                    where = f"at {self._seconds(packet):.1f} s"
                    raise InputError(f"{self._path} is damaged {where}: {self._problem}.") from None
                continue  # before the first key frame there is nothing to decode from
            for frame in frames:
                begun = True
                if self._timeline.counted:
                    number = self._number(frame, number + 1)
                    yield int(self._timeline.positions[min(number, len(self._timeline.positions) - 1)]), frame
                elif frame.pts is not None:
                    yield frame.pts, frame

    def _number(self, frame: Any, following: int) -> int:
        """Which frame of all it is: the packet that brought it out came a constant number of packets later."""
        if frame.dts is None:
            return following
        packet = int(np.searchsorted(self._timeline.positions, frame.dts))
        if self._delay is None:
            self._delay = packet
        return max(0, packet - self._delay)

    def _seconds(self, packet: Any) -> float:
        first = 0 if self._timeline.counted else int(self._timeline.positions[0])
        return float(((packet.pts or packet.dts or first) - first) * self._stream.time_base)

    def _why(self) -> str:
        return f" ({self._problem})" if self._problem else ""


def _of_one_size(images: list[np.ndarray]) -> list[np.ndarray]:
    """A broadcast may change its size in the middle: what follows is resized to the first frame."""
    height, width, _ = images[0].shape
    if all(image.shape == images[0].shape for image in images):
        return images
    return [np.asarray(Image.fromarray(image).resize((width, height))) for image in images]
