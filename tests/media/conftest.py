from fractions import Fraction

import av
import numpy as np
import pytest


def _pictures(stream, count, size, time_base=None, step=1):
    """Frame k is a grey of 10 + 10 (k mod 24), so that a test can tell which one it got."""
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 10 + 10 * (number % 24), np.uint8), format="rgb24")
        if time_base:
            frame.time_base, frame.pts = time_base, number * step
        yield from stream.encode(frame)
    yield from stream.encode()


def _sound(stream, seconds, channels, rate):
    time = np.arange(int(seconds * rate)) / rate
    wave = np.tile(0.25 * np.sin(2 * np.pi * 440 * time), (channels, 1)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo" if channels == 2 else "mono")
    frame.sample_rate = rate
    yield from stream.encode(frame)
    yield from stream.encode()


@pytest.fixture(scope="session")
def make_film():
    """Write a film of `frames` grey pictures, with sound where `seconds_of_sound` is given."""

    def make(
        path, frames=12, fps=6, size=(48, 64), codec="h264", seconds_of_sound=None, channels=1, rate=16000, **options
    ):
        with av.open(str(path), "w") as container:
            video = container.add_stream(codec, rate=fps, options=options)
            video.height, video.width, video.pix_fmt = *size, "yuv420p"
            audio = None
            if seconds_of_sound:
                audio = container.add_stream("aac", rate=rate, layout="stereo" if channels == 2 else "mono")
            for packet in _pictures(video, frames, size, Fraction(1, fps)):
                container.mux(packet)
            if audio:
                for packet in _sound(audio, seconds_of_sound, channels, rate):
                    container.mux(packet)
        return path

    return make


@pytest.fixture
def shades():
    """Which frame of `make_film` each picture is."""
    return lambda frames: [round((float(frame.mean()) - 10) / 10) for frame in frames]
