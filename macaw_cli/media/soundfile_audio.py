"""Audio files by soundfile, which opens them faster than FFmpeg: taken only where it gives the whole of them.

It stops where a second stream is joined on (a chained Ogg, two MP3s in one file), believes headers, and finds some
MPEG audio in anything. Whatever does not come out as the file's content says is left to FFmpeg.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.container_audio import container_audio
from macaw_cli.media.joined_parts import Part, parts_of
from macaw_cli.media.members import member_file
from macaw_cli.media.second_files import require_one_file
from macaw_cli.media.waveforms import DecodedAudio, Downmix, Window, resampled

_PLAIN = {".wav", ".wave", ".flac", ".mp3", ".mp2", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf",
          ".w64", ".rf64"}  # fmt: skip
_NO_LENGTH = 1 << 48
"""More samples than any file has: libsndfile's way of saying that a FLAC does not tell how many."""
_MISSING_S = 0.1
"""So much less may come out than was announced: encoders and decoders differ by a frame or two."""
_EVERYTHING = float("inf")


def soundfile_audio(path: Path, window: Window) -> DecodedAudio | None:
    """By soundfile; None when it cannot read the file, or not the whole of it."""
    if path.suffix.lower() not in _PLAIN:
        return None
    with suppress(OSError):  # told by who opens it next
        require_one_file(path)
    parts = parts_of(path)
    if len(parts) > 1:
        return _one_behind_the_other(path, parts, window)
    return _by_soundfile(path, window, parts[0]) if parts else None


def _by_soundfile(path: Path, window: Window, part: Part) -> DecodedAudio | None:
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate, frames = file.samplerate, file.frames
            if not 0 < frames < _NO_LENGTH or not part.may_have(frames):
                return None
            first, last = window.samples(rate)
            file.seek(min(first, frames))
            channels = file.read(-1 if last is None else last - first, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError):  # TypeError: headerless formats
        return None
    announced = max(0, (frames if last is None else min(last, frames)) - first)
    if len(channels) < announced - _MISSING_S * rate:
        return None
    downmix = Downmix()
    return DecodedAudio(downmix.mono(channels.T), rate, frames / rate, first, downmix.warning)


def _one_behind_the_other(path: Path, parts: list[Part], window: Window) -> DecodedAudio | None:
    """The parts of a joined file, each of which may have a rate of its own, at the rate that is wanted."""
    pieces: list[DecodedAudio] = []
    elapsed = 0.0
    for part in parts:
        needed = window.read_to > elapsed
        piece = _part(path, part, Window(0.0, _EVERYTHING if needed else 0.0, window.rate))
        if piece is None:
            continue
        elapsed += piece.duration
        if needed:
            pieces.append(piece)
    if not pieces:
        return None
    samples = np.concatenate([resampled(piece.samples, piece.rate, window.rate) for piece in pieces])
    warning = next((piece.warning for piece in pieces if piece.warning), "")
    return DecodedAudio(samples, window.rate, elapsed, 0, warning)


def _part(path: Path, part: Part, window: Window) -> DecodedAudio | None:
    with member_file(str(path), part.offset, part.size, path.name) as piece:
        try:
            return _by_soundfile(piece, window, part) or container_audio(piece, window)
        except InputError:  # a scrap between two parts
            return None
