"""What the tiny encoders are pretrained on: pictures and sounds of the world with captions, no unseen combination."""

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soxr
from PIL import Image

from macaw_cli.media.opening import open_container
from macaw_cli.quickstart import attributes
from macaw_cli.quickstart.attributes import AudioContent, VideoContent
from macaw_cli.quickstart.audio import Waveform, synthesize, synthesize_events
from macaw_cli.quickstart.images import RGB, SIZE, draw, random_centre, random_look
from macaw_cli.quickstart.questions import describe_audio
from macaw_cli.quickstart.videos import movement_path, write_video

SEED = 20_230_615
"""Never a world's seed: worlds draw from (seed, split, ...) with other lengths of key."""
CELL = 8
"""Width of a column and height of a row, in pixels, in captions that tell the exact position."""
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
PAINTS = RGB | {"orange": (235, 125, 30), "cyan": (40, 200, 215), "pink": (245, 135, 185), "brown": (130, 80, 45),
                "lime": (150, 235, 70), "navy": (35, 40, 120)}
"""The world's colours and others, so that shapes are learned whatever their colour."""
ANYWHERE = (11.0, 53.0)
NEAR_MIDDLE = 9.0
"""Pixels from the middle within which a shape is at none of the four sides."""
SHARE_OF_AAC = 0.3
RATE = 16000

SHARE_OF_MIXTURES = 0.5


def captioned_images(count: int, rng: np.random.Generator) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Pictures with a whole caption and four of some aspects: colour and shape, shape, exact place, rough place.

    The shape is at one of the world's places, or on the way of a film (and the picture has the losses of a compressed
    frame), or anywhere; its colour is one of the world's or another one. Where an unseen combination could be seen,
    nothing is drawn. The place is told roughly in words and, so that positions can be told apart, as a cell of a grid.
    """
    made = 0
    while made < count:
        colour = str(rng.choice(list(PAINTS)))
        shape = str(rng.choice(attributes.SHAPES))
        centre = _position(made, rng)
        if not _may_be_drawn(colour, shape, centre):
            continue
        image = draw(shape, centre, random_look(PAINTS[colour], rng), rng)
        cell, roughly = describe_cell(centre), describe_roughly(centre)
        whole = f"a {colour} {shape} {cell if rng.random() < 0.5 else roughly}"
        if made % 2:
            image = _compressed(image, rng)
        yield image, (whole, f"a {colour} {shape}", f"a {shape}", f"a shape {cell}", f"a shape {roughly}")
        made += 1


def _position(number: int, rng: np.random.Generator) -> tuple[float, float]:
    """A position in pixels; each of the three kinds in turn."""
    if number % 3 == 0:
        return random_centre(str(rng.choice(attributes.PLACES)), rng)
    if number % 3 == 1:
        path = movement_path(str(rng.choice(attributes.DIRECTIONS)), rng)
        return path[int(rng.integers(len(path)))]
    return (float(rng.uniform(*ANYWHERE)), float(rng.uniform(*ANYWHERE)))


def _may_be_drawn(colour: str, shape: str, centre: tuple[float, float]) -> bool:
    """Whether a coloured shape with its middle at `centre` is far from each place where it must stay unseen."""
    for unseen in attributes.UNSEEN_IMAGES:
        if (unseen.colour, unseen.shape) == (colour, shape):
            axis = 0 if unseen.place in ("left", "right") else 1
            offset = centre[axis] - SIZE / 2
            if (offset < -NEAR_MIDDLE) if unseen.place in ("left", "top") else (offset > NEAR_MIDDLE):
                return False
    return True


def describe_cell(centre: tuple[float, float]) -> str:
    """Where `centre` is, exactly, such as 'in column two row five'."""
    column, row = (NUMBERS[min(int(position) // CELL, len(NUMBERS) - 1)] for position in centre)
    return f"in column {column} row {row}"


def describe_roughly(centre: tuple[float, float]) -> str:
    """Where `centre` is, as one says it, such as 'at the top left', 'at the left' or 'in the middle'."""
    across, down = (position - SIZE / 2 for position in centre)
    words = ["top"] * (down < -NEAR_MIDDLE) + ["bottom"] * (down > NEAR_MIDDLE)
    words += ["left"] * (across < -NEAR_MIDDLE) + ["right"] * (across > NEAR_MIDDLE)
    return f"at the {' '.join(words)}" if words else "in the middle"


def captioned_audio(count: int, rng: np.random.Generator) -> Iterator[tuple[Waveform, str]]:
    """Sounds at 16 kHz, some of them taken from the soundtrack of a film, each with its caption.

    Half are mixtures, one event after the other of any kind and pitch, with a caption that names them in turn: they
    teach to hear and to count events whatever they are, instead of knowing the world's combinations by heart.
    """
    sounds = [sound for sound in attributes.all_audio() if sound not in attributes.UNSEEN_AUDIO]
    with TemporaryDirectory() as folder:
        for number in range(count):
            if rng.random() < SHARE_OF_MIXTURES:
                yield _mixture(rng)
                continue
            sound = sounds[number % len(sounds)]
            if rng.random() < SHARE_OF_AAC:
                waveform = _through_soundtrack(sound, Path(folder) / "film.mp4", rng)
            else:
                waveform = synthesize(sound, RATE, rng)
            yield waveform, describe_audio(sound)


def _compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The image with the losses of a compressed frame: coarse colour and block artefacts."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(60, 95)), subsampling="4:2:0")
    return Image.open(buffer).convert("RGB")


def _mixture(rng: np.random.Generator) -> tuple[Waveform, str]:
    """Two to four events that are not all the same."""
    while True:
        events = [(str(rng.choice(attributes.SOUNDS)), str(rng.choice(attributes.PITCHES)))
                  for _ in range(int(rng.integers(1, len(attributes.COUNTS) + 1)))]
        if len(set(events)) > 1:
            break
    count = attributes.COUNTS[len(events) - 1]
    named = " ".join(f"{pitch} {sound}" for sound, pitch in events)
    return synthesize_events(events, RATE, rng), f"{count} sounds {named}"


def _through_soundtrack(sound: AudioContent, path: Path, rng: np.random.Generator) -> Waveform:
    write_video(path, VideoContent("white", "circle", "up", sound), rng)
    with open_container(path) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    return np.asarray(soxr.resample(np.concatenate(frames), rate, RATE), dtype=np.float32)
