"""Writers of tiny files in the forms in which benchmarks are published: tables, images, audio, videos."""

import csv
import json
import wave

import av
import numpy as np
from PIL import Image


def write_image(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), colour).save(path)


def write_audio(path, hertz, seconds=0.3):
    """A tone, at 16 kHz; WAV, or FLAC if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (12_000 * np.sin(2 * np.pi * hertz * np.arange(int(16_000 * seconds)) / 16_000)).astype(np.int16)
    if path.suffix == ".flac":
        import soundfile

        soundfile.write(path, samples, 16_000)
        return
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(samples.tobytes())


def write_video(path, grey):
    """Half a second of four frames, getting lighter, without audio."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        frames = out.add_stream("mpeg4", rate=8)
        frames.width, frames.height, frames.pix_fmt = 64, 48, "yuv420p"
        for number in range(4):
            pixels = np.full((48, 64, 3), grey + 5 * number, np.uint8)
            out.mux(frames.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(frames.encode())


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_csv(path, header, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
