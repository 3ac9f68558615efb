"""What things in the quickstart's world can be like, and which combinations are kept unseen.

An unseen combination appears in no training file, neither of the encoders nor of the model: for a coloured shape that
is never shown at some place, the videos that would move it through that place are unseen as well.
"""

from dataclasses import dataclass
from itertools import product

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
SHAPES = ("circle", "square", "triangle", "cross", "star")
PLACES = ("left", "right", "top", "bottom", "middle")
SOUNDS = ("beep", "buzz", "chirp", "click", "noise")
PITCHES = ("low", "middle", "high")
COUNTS = ("one", "two", "three", "four")
DIRECTIONS = ("left", "right", "up", "down")


@dataclass(frozen=True)
class ImageContent:
    """One coloured shape at a place."""

    colour: str
    shape: str
    place: str


@dataclass(frozen=True)
class AudioContent:
    """One sound at a pitch, some times in a row."""

    sound: str
    pitch: str
    count: str


@dataclass(frozen=True)
class VideoContent:
    """One coloured shape that moves, and what is heard meanwhile."""

    colour: str
    shape: str
    direction: str
    sound: AudioContent


UNSEEN_IMAGES = frozenset({
    ImageContent("blue", "triangle", "left"),
    ImageContent("green", "circle", "top"),
    ImageContent("red", "star", "right"),
    ImageContent("yellow", "cross", "bottom"),
    ImageContent("purple", "square", "left"),
})
UNSEEN_AUDIO = frozenset({
    AudioContent("click", "high", "three"),
    AudioContent("beep", "low", "two"),
    AudioContent("buzz", "middle", "four"),
    AudioContent("chirp", "high", "one"),
    AudioContent("noise", "low", "three"),
})
HORIZONTAL = ("left", "right")


def all_images() -> list[ImageContent]:
    """Every image there can be, in a fixed order."""
    return [ImageContent(*values) for values in product(COLOURS, SHAPES, PLACES)]


def all_audio() -> list[AudioContent]:
    """Every sound there can be, in a fixed order."""
    return [AudioContent(*values) for values in product(SOUNDS, PITCHES, COUNTS)]


def all_movements() -> list[tuple[str, str, str]]:
    """Every (colour, shape, direction), in a fixed order."""
    return list(product(COLOURS, SHAPES, DIRECTIONS))


def is_unseen_movement(colour: str, shape: str, direction: str) -> bool:
    """Whether the coloured shape would pass, on this way, a place where it is never shown."""
    places = ("left", "right") if direction in HORIZONTAL else ("top", "bottom")
    return any(ImageContent(colour, shape, place) in UNSEEN_IMAGES for place in places)
