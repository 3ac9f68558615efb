"""Films of one moving shape with a soundtrack, written as MP4 (H.264 and AAC) by PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from macaw_cli.quickstart.attributes import HORIZONTAL, Film
from macaw_cli.quickstart.pictures import SIZE, draw, random_look
from macaw_cli.quickstart.sounds import Waveform, synthesize

FRAMES = 12
FRAMES_PER_SECOND = 6
SOUND_RATE = 32000
WAY = (13.0, 51.0)
"""Where a movement begins and ends, in pixels along its axis."""


def film_frames(film: Film, rng: np.random.Generator) -> list[Image.Image]:
    """The frames of `film`: one look, a straight way at even speed, fresh grain in each.

    Returns:
        FRAMES RGB images of SIZE x SIZE pixels.
    """
    look = random_look(film.colour, rng)
    begin, end = np.array(WAY) + rng.uniform(-3.5, 3.5, 2)
    if film.direction in ("left", "up"):
        begin, end = end, begin
    across = rng.uniform(24, 40)
    images = []
    for along in np.linspace(begin, end, FRAMES):
        centre = (float(along), float(across)) if film.direction in HORIZONTAL else (float(across), float(along))
        images.append(draw(film.shape, centre, look, rng))
    return images


def write_film(path: Path, film: Film, rng: np.random.Generator) -> None:
    """Write `film` as an MP4 of SIZE x SIZE pixels, FRAMES frames and a mono soundtrack; the same bytes for the same rng."""
    images = film_frames(film, rng)
    waveform = synthesize(film.sound, SOUND_RATE, rng)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.flags |= av.container.Flags.bitexact.value
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND,
                                     options={"preset": "veryfast", "crf": "20", "threads": "1", "x264-params": "threads=1"})
        video.width = video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_image(image)))
        container.mux(video.encode(None))
        _write_soundtrack(container, audio, waveform)


def _write_soundtrack(container: av.container.OutputContainer, audio: av.AudioStream, waveform: Waveform) -> None:
    samples_per_frame = 1024
    for begin in range(0, len(waveform), samples_per_frame):
        frame = av.AudioFrame.from_ndarray(waveform[None, begin : begin + samples_per_frame], format="fltp", layout="mono")
        frame.sample_rate = SOUND_RATE
        frame.pts = begin
        frame.time_base = Fraction(1, SOUND_RATE)
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))
