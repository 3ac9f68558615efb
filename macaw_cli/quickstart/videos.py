"""Videos of one moving shape with a soundtrack, written as MP4 (H.264 and AAC) by PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from macaw_cli.quickstart.attributes import HORIZONTAL, VideoContent
from macaw_cli.quickstart.audio import Waveform, synthesize
from macaw_cli.quickstart.images import RGB, SIZE, draw, random_look

FRAMES = 12
FRAMES_PER_SECOND = 6
AUDIO_RATE = 32000
WAY = (13.0, 51.0)
"""Where a movement begins and ends, in pixels along its axis."""


def video_frames(content: VideoContent, rng: np.random.Generator) -> list[Image.Image]:
    """The frames of `video`: one look, a straight way at even speed, fresh grain in each.

    Returns:
        FRAMES RGB images of SIZE x SIZE pixels.
    """
    look = random_look(RGB[content.colour], rng)
    return [draw(content.shape, centre, look, rng) for centre in movement_path(content.direction, rng)]


def movement_path(direction: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Where the shape's middle is in each frame, in pixels from the left top, on some way in `direction`."""
    begin, end = np.array(WAY) + rng.uniform(-3.5, 3.5, 2)
    if direction in ("left", "up"):
        begin, end = end, begin
    across = float(rng.uniform(24, 40))
    along = [float(position) for position in np.linspace(begin, end, FRAMES)]
    return [(position, across) if direction in HORIZONTAL else (across, position) for position in along]


def write_video(path: Path, content: VideoContent, rng: np.random.Generator) -> None:
    """Write `video` as an MP4 of SIZE x SIZE pixels, FRAMES frames and a mono soundtrack; equal rng, equal bytes."""
    images = video_frames(content, rng)
    waveform = synthesize(content.sound, AUDIO_RATE, rng)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.flags |= av.container.Flags.bitexact.value
        # one thread and no macroblock tree: with either, x264's bytes differ between runs
        options = {"preset": "veryfast", "crf": "20", "mbtree": "0", "threads": "1", "x264-params": "threads=1"}
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        video.width = video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono", options={"aac_coder": "fast"})
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_image(image)))
        container.mux(video.encode(None))
        _write_soundtrack(container, audio, waveform)


def _write_soundtrack(container: av.container.OutputContainer, audio: av.AudioStream, waveform: Waveform) -> None:
    samples_per_frame = 1024
    for begin in range(0, len(waveform), samples_per_frame):
        samples = waveform[None, begin : begin + samples_per_frame]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.pts = begin
        frame.time_base = Fraction(1, AUDIO_RATE)
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))
