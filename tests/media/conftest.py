from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

BITS = 8
SPEED = {
    "h264": {"preset": "ultrafast", "bf": "2", "g": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=2:keyint=8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx": {"deadline": "realtime"},
    "libsvtav1": {"preset": "12", "svtav1-params": "keyint=8"},
}
"""Quick to encode, and with what makes frames hard to find: B-frames, and more than one key frame."""
FORMATS = {"mkv": "matroska", "mka": "matroska", "ts": "mpegts", "wmv": "asf"}


def picture(number, size):
    """Columns of black and white that are the number in binary: it survives any codec."""
    pixels = np.full((*size, 3), 25, np.uint8)
    for bit, columns in enumerate(np.array_split(np.arange(size[1]), BITS)):
        pixels[:, columns] = 230 if number >> bit & 1 else 25
    return pixels


def number_of(pixels):
    columns = np.array_split(pixels.mean(axis=(0, 2)), BITS)
    return sum(int(column.mean() > 128) << bit for bit, column in enumerate(columns))


def encoded_pictures(stream, pictures, times, base):
    for pixels, time in zip(pictures, times, strict=True):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.time_base, frame.pts = base, round(time / base)
        yield from stream.encode(frame)
    yield from stream.encode()


def encoded_sound(stream, wave, rate):
    """`wave` (n,) on every channel of the stream."""
    channels = np.tile(wave.astype(np.float32), (len(stream.layout.channels), 1))
    frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=stream.layout.name)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    for piece in av.AudioResampler(format=stream.codec_context.format.name).resample(frame):
        yield from stream.encode(piece)
    yield from stream.encode()


def tone_of(seconds, rate, hertz=440.0):
    return (0.25 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_video(
    path, frames=12, fps=6, size=(48, 64), codec="h264", seconds_of_sound=None, channels=1, rate=16000,
    times=None, start=0.0, first_number=0, sound_codec="aac", pixels="yuv420p", **options,
):  # fmt: skip
    with av.open(str(path), "w", format=FORMATS.get(path.suffix[1:])) as container:
        video = container.add_stream(codec, rate=fps, options={**SPEED.get(codec, {}), **options})
        video.height, video.width, video.pix_fmt = *size, pixels
        base = video.codec_context.time_base = Fraction(1, 1000 if times else fps)
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        audio = container.add_stream(sound_codec, rate=rate, layout=layout) if seconds_of_sound else None
        shown = times or [start + number / fps for number in range(frames)]
        numbered = (picture(first_number + number, size) for number in range(len(shown)))
        packets = [(0.0, packet) for packet in encoded_pictures(video, numbered, shown, base)]
        if audio:
            packets += [(0.0, packet) for packet in encoded_sound(audio, tone_of(seconds_of_sound, rate), rate)]
        packets = [(float((packet.dts or 0) * (packet.time_base or 0)), packet) for _, packet in packets if packet.size]
        for _, packet in sorted(packets, key=lambda timed: timed[0]):
            container.mux(packet)
    return path


def write_sound(path, codec, wave, rate, layout="mono", bit_rate=128_000):
    with av.open(str(path), "w", format=FORMATS.get(path.suffix[1:])) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, bit_rate=bit_rate)
        for packet in encoded_sound(stream, wave, rate):
            container.mux(packet)
    return path


@pytest.fixture(scope="session")
def make_film():
    """Write a video whose frame k shows k (modulo 256), with a tone where `seconds_of_sound` is given."""
    return write_video


@pytest.fixture(scope="session")
def make_sound():
    """Encode a waveform (n,), the same on every channel, with one of FFmpeg's codecs."""
    return write_sound


def write_stereo(path, channels, rate):
    if path.suffix != ".m4a":
        soundfile.write(path, channels.T, rate)
        return path
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("alac", rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in av.AudioResampler(format=stream.codec_context.format.name).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def make_stereo():
    """Write (2, n) samples as FLAC, WAV or, through FFmpeg, ALAC."""
    return write_stereo


@pytest.fixture(scope="session")
def tone():
    """A sine of amplitude 0.25 and so many seconds."""
    return tone_of


@pytest.fixture(scope="session")
def numbers():
    """Which frame of `make_film` each image is."""
    return lambda frames: [number_of(frame) for frame in frames]
