"""The audio of videos and of every kind of audio file by FFmpeg, on the clock of the file.

Where packets are missing there is silence, so that what follows stays in its place; a track that begins late begins
with silence.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.media.audio_seeking import Place, place_after_jump
from macaw_cli.media.clock import Clock, clock_of, packets_in_order
from macaw_cli.media.containers import open_media, reason_of
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.waveforms import DecodedAudio, Downmix, Window, resampled

_BEFORE_S = 1.0
"""Decoded before a clip: audio codecs need what went before (MP3 0.3 s, Opus 0.1 s)."""
_NOT_TO_JUMP_IN = {"asf", "mp3", "ogg"}
"""Containers whose times after a jump are not those of reading through: read from the beginning."""
_NO_TIMES = {"mp3", "aac", "ac3", "eac3", "dts", "loas"}
"""Bare streams of a codec: FFmpeg makes up times and lengths from the bit rate, so that only samples count."""
_HOLE_S = 0.1
"""Times that differ by less are rounded; beyond that something is missing."""
_MEASURED_EVERY = 8
"""Of so many chunks one is measured for the warning."""
SEVERAL_TRACKS = "several audio tracks, of which the default one is heard"
"""The one that FFmpeg takes: marked as default, else with the most channels, else the first."""


def container_audio(path: Path, window: Window) -> DecodedAudio:
    """The seconds of a file's audio that `window` wants.

    Raises:
        InputError: missing, or no media file.
        NoAudio: without audio, or nothing of it can be decoded.
    """
    if window.start > 2 * _BEFORE_S and (audio := _read(path, window, jump=True)):
        return audio
    audio = _read(path, window, jump=False)
    assert audio is not None
    return audio


def _read(path: Path, window: Window, *, jump: bool) -> DecodedAudio | None:
    """None when a jump does not lead to a place in the file that is certain."""
    with open_media(path) as container:
        stream = container.streams.best("audio")
        if stream is None or stream.codec_context is None:
            raise NoAudio(f"{path} has no audio stream.")
        names = set(container.format.name.split(","))
        clock = clock_of(container, path)
        decoding = _Decoding(container, stream, clock, counts_only=bool(names & _NO_TIMES))
        if jump:
            if clock.restarts or names & _NOT_TO_JUMP_IN:
                return None
            if not decoding.jump(window.start - _BEFORE_S):
                return None
        decoding.read_until(window.read_to)
        if not decoding.runs:
            if jump:
                return None
            why = f": {decoding.problem}" if decoding.problem else ""
            raise NoAudio(f"{path} has no audio that can be decoded{why}.")
        duration = decoding.duration(names)
        several = SEVERAL_TRACKS if len(container.streams.audio) > 1 else ""
    first, last = window.samples(decoding.rate)
    begun = decoding.runs[0].first
    if jump and (begun > first or not decoding.certain):
        return None
    samples = decoding.samples(first, last)
    return DecodedAudio(samples, decoding.rate, duration, first, decoding.downmix.warning or several)


@dataclass(slots=True)
class _Run:
    """Chunks without a hole between them, the first sample of which is the file's `first`; `rate` is their own."""

    first: int
    rate: int
    chunks: list[np.ndarray] = field(default_factory=list)


class _Decoding:
    """Mono chunks of an audio stream, and the times they stand for."""

    def __init__(self, container: Any, stream: Any, clock: Clock, *, counts_only: bool) -> None:
        self._container, self._stream, self._clock, self._counts_only = container, stream, clock, counts_only
        self.runs: list[_Run] = []
        self.downmix = Downmix()
        self.rate, self.problem = 0, ""
        start = stream.start_time  # as the header tells it: reading may change it
        self._begins = 0.0 if start is None else max(0.0, clock.seconds(start, stream.time_base))
        self._cursor = 0.0
        """Where the next sample belongs, seconds on the clock."""
        self._late = 0.0
        """What is added to the times of a track that went back."""
        self._place: Place | None = None
        self._at_end = self._lost = False
        self._converter: tuple[Any, Any] | None = None
        self._sizes: list[int] = []

    def jump(self, time: float) -> bool:
        """Go on at or before `time`; False where that cannot be done with certainty."""
        import av

        self._place = place_after_jump(self._container, self._stream, self._clock, time, _HOLE_S)
        if self._place is None:
            return False
        try:
            self._container.seek(round((time + self._clock.zero) / self._stream.time_base), stream=self._stream)
        except av.FFmpegError:
            return False
        return True

    @property
    def certain(self) -> bool:
        """Whether the place of the first sample in the file is known."""
        return self._place is None or (not self._lost and self._place.fits(self._sizes))

    def read_until(self, end: float) -> None:
        import av

        for packet in packets_in_order(self._container, self._stream, self._clock):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # one bad packet is a click, not a reason to give up
                self.problem = reason_of(error)
                continue
            for frame in frames:
                self._take(frame)
            if self._cursor >= end:
                return
        self._at_end = True

    def samples(self, first: int, last: int | None) -> np.ndarray:
        """The samples from `first` to `last` of the file, silence where there are none."""
        pieces, reached = [], first
        for run in self.runs:
            if not run.chunks:
                continue
            whole = resampled(np.concatenate(run.chunks), run.rate, self.rate)
            if run.first > reached:
                pieces.append(np.zeros(run.first - reached, np.float32))
                reached = run.first
            pieces.append(whole[reached - run.first :])
            reached += len(pieces[-1])
        samples = np.concatenate(pieces)
        return samples if last is None else samples[: last - first]

    def duration(self, containers: set[str]) -> float:
        """Seconds on the clock at which the audio ends, as decoded or, where the rest was not read, as told."""
        if self._at_end:
            return self._cursor
        if self._clock.restarts:
            return self._clock.end
        if not containers & _NO_TIMES:
            if self._stream.duration:
                return self._begins + float(self._stream.duration * self._stream.time_base)
            if self._container.duration:
                # Matroska tells when it ends, on timestamps that may begin late; others tell how long it lasts
                late = self._clock.zero if containers & {"matroska", "webm"} else 0.0
                return float(self._container.duration) / 1e6 - late
        return self._measured()

    def _measured(self) -> float:
        """The rest is read without decoding it."""
        end = self._cursor
        for packet in packets_in_order(self._container, self._stream, self._clock):
            if packet.pts is not None:
                end = max(end, self._clock.seconds(packet.pts + (packet.duration or 0), packet.time_base))
        return end

    def _take(self, frame: Any) -> None:
        if not self.runs:
            self.rate = frame.sample_rate
            self._cursor = self._begin(frame)
            self.runs.append(_Run(round(self._cursor * self.rate), self.rate))
        else:
            self._follow_time(frame)
        run = self.runs[-1]
        if frame.sample_rate != run.rate:
            run = _Run(round(self._cursor * self.rate), frame.sample_rate)
            self.runs.append(run)
        for piece in self._floats(frame):
            run.chunks.append(self.downmix.mono(piece.to_ndarray(), measured=len(self._sizes) % _MEASURED_EVERY == 0))
        self._sizes.append(frame.samples)
        self._cursor += frame.samples / frame.sample_rate

    def _begin(self, frame: Any) -> float:
        """When the first frame is heard."""
        time = self._seconds(frame)
        if self._place is not None:
            self._lost = time is None
            return float(self._place.of(time or 0.0, frame.sample_rate) / frame.sample_rate)
        return 0.0 if time is None or self._counts_only or time < -_HOLE_S else time

    def _follow_time(self, frame: Any) -> None:
        """Leave a hole open, and put what goes back behind."""
        time = self._seconds(frame)
        if time is None or self._counts_only:
            return
        ahead = time + self._late - self._cursor
        if ahead > _HOLE_S:
            self._cursor = time + self._late
            self.runs.append(_Run(round(self._cursor * self.rate), frame.sample_rate))
        elif ahead < -_HOLE_S:
            self._late -= ahead

    def _floats(self, frame: Any) -> list[Any]:
        """Planar floats; channels stay as they are: FFmpeg's own mono is 1.4 times too loud."""
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._converter is None or self._converter[0] != kind:
            self._converter = kind, av.AudioResampler(format="fltp")
        return list(self._converter[1].resample(frame))

    def _seconds(self, frame: Any) -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return self._clock.seconds(frame.pts, frame.time_base)
