"""What the tiny encoders are pretrained on: pictures and sounds of the world with captions, no unseen combination."""

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import soxr
from PIL import Image

from macaw_cli.quickstart import attributes
from macaw_cli.quickstart.attributes import Film, Sound
from macaw_cli.quickstart.pictures import draw, random_centre, random_look
from macaw_cli.quickstart.questions import describe_picture, describe_sound
from macaw_cli.quickstart.sounds import Waveform, synthesize, synthesize_events
from macaw_cli.quickstart.videos import film_path, write_film

SEED = 20_230_615
"""Never a world's seed: worlds draw from (seed, split, ...) with other lengths of key."""
CELL = 8
"""Width of a column and height of a row, in pixels, in captions that tell the exact position."""
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
SHARE_OF_AAC = 0.3
RATE = 16000

SHARE_OF_MIXTURES = 0.5


def captioned_pictures(count: int, rng: np.random.Generator) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Pictures, half of them like frames of films, each with a whole caption and three of one aspect.

    The place is told in words or, so that all of a film's positions can be told apart, as a cell of a grid.
    """
    pictures = [picture for picture in attributes.all_pictures() if picture not in attributes.UNSEEN_PICTURES]
    ways = [way for way in attributes.all_movements() if not attributes.is_unseen_movement(*way)]
    for number in range(count):
        if number % 2:
            picture = pictures[int(rng.integers(len(pictures)))]
            centre = random_centre(picture.place, rng)
            image = draw(picture.shape, centre, random_look(picture.colour, rng), rng)
            colour, shape = picture.colour, picture.shape
            whole = describe_picture(picture) if rng.random() < 0.5 else describe_cell(colour, shape, centre)
        else:
            colour, shape, direction = ways[int(rng.integers(len(ways)))]
            path = film_path(direction, rng)
            centre = path[int(rng.integers(len(path)))]
            image = _compressed(draw(shape, centre, random_look(colour, rng), rng), rng)
            whole = describe_cell(colour, shape, centre)
        yield image, (whole, f"a {colour} shape", f"a {shape}", f"a shape {whole.split(shape)[1].strip()}")


def describe_cell(colour: str, shape: str, centre: tuple[float, float]) -> str:
    """A caption that tells the position exactly, such as 'a red circle in column two row five'."""
    column, row = (NUMBERS[min(int(position) // CELL, len(NUMBERS) - 1)] for position in centre)
    return f"a {colour} {shape} in column {column} row {row}"


def captioned_sounds(count: int, rng: np.random.Generator) -> Iterator[tuple[Waveform, str]]:
    """Sounds at 16 kHz, some of them taken from the soundtrack of a film, each with its caption.

    Half are mixtures, one event after the other of any kind and pitch, with a caption that names them in turn: they
    teach to hear and to count events whatever they are, instead of knowing the world's combinations by heart.
    """
    sounds = [sound for sound in attributes.all_sounds() if sound not in attributes.UNSEEN_SOUNDS]
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
            yield waveform, describe_sound(sound)


def _compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The image with the losses of a compressed frame: coarse colour and block artefacts."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(60, 95)), subsampling="4:2:0")
    return Image.open(buffer).convert("RGB")


def _mixture(rng: np.random.Generator) -> tuple[Waveform, str]:
    while True:
        events = [(str(rng.choice(attributes.SOUNDS)), str(rng.choice(attributes.PITCHES)))
                  for _ in range(int(rng.integers(1, len(attributes.COUNTS) + 1)))]
        if len(set(events)) > 1:
            break
    count = attributes.COUNTS[len(events) - 1]
    named = " ".join(f"{pitch} {sound}" for sound, pitch in events)
    return synthesize_events(events, RATE, rng), f"{count} sounds {named}"


def _through_soundtrack(sound: Sound, path: Path, rng: np.random.Generator) -> Waveform:
    write_film(path, Film("white", "circle", "up", sound), rng)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    return np.asarray(soxr.resample(np.concatenate(frames), rate, RATE), dtype=np.float32)
