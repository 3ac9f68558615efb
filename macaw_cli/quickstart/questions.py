"""What is asked about the world's pictures, sounds and films, in several phrasings, with the answer and its choices."""

from dataclasses import dataclass

import numpy as np

from macaw_cli.quickstart.attributes import (
    COLOURS,
    COUNTS,
    DIRECTIONS,
    PITCHES,
    PLACES,
    SHAPES,
    SOUNDS,
    AudioContent,
    ImageContent,
    VideoContent,
)

SILENT = "none"
"""The answer where nothing beeps."""
PHRASINGS: dict[str, tuple[str, ...]] = {
    "image/colour": ("What colour is the shape?", "Which colour does the shape have?", "Name the colour of the shape.",
                     "What is its colour?"),
    "image/shape": ("What shape is it?", "Which shape is in the picture?", "Name the shape.", "What shape do you see?"),
    "image/place": ("Where is the shape?", "In which part of the picture is the shape?", "Name the place of the shape.",
                    "Where do you see the shape?"),
    "audio/sound": ("What sound is it?", "Which sound do you hear?", "Name the sound.", "What kind of sound is heard?"),
    "audio/pitch": ("How high is the sound?", "Which pitch does the sound have?", "Name the pitch of the sound.",
                    "What pitch do you hear?"),
    "audio/count": ("How often does it sound?", "How many sounds are there?", "Count the sounds.",
                    "How many times do you hear it?"),
    "video/direction": ("Which way does the shape move?", "Where does the shape go?",
                        "Name the direction of the movement.", "In which direction does it move?"),
    "video/what": ("What moves?", "Which shape moves?", "Name the moving shape.", "What shape is moving?"),
    "video/beeps": ("Which colour beeps?", "What colour is the shape that beeps?", "Name the colour of what beeps.",
                    "Which colour is beeping?"),
}
DESCRIBE: dict[str, tuple[str, ...]] = {
    "image/caption": ("Describe the picture.", "What do you see?"),
    "audio/caption": ("Describe the sound.", "What do you hear?"),
    "video/caption": ("Describe the film.", "What happens?"),
}


@dataclass(frozen=True)
class Question:
    """A question with its right answer; `choices` are all answers of its kind, none for a description."""

    kind: str
    text: str
    answer: str
    choices: tuple[str, ...] = ()


def ask_about_image(image: ImageContent, rng: np.random.Generator) -> list[Question]:
    """One question of each kind about `picture`, in random phrasings."""
    return [
        _question("image/colour", image.colour, COLOURS, rng),
        _question("image/shape", image.shape, SHAPES, rng),
        _question("image/place", image.place, PLACES, rng),
    ]


def ask_about_audio(sound: AudioContent, rng: np.random.Generator) -> list[Question]:
    """One question of each kind about `sound`, in random phrasings."""
    return [
        _question("audio/sound", sound.sound, SOUNDS, rng),
        _question("audio/pitch", sound.pitch, PITCHES, rng),
        _question("audio/count", sound.count, COUNTS, rng),
    ]


def ask_about_video(video: VideoContent, rng: np.random.Generator) -> list[Question]:
    """One question of each kind about `film`, in random phrasings.

    Which colour beeps has to be seen and heard: with as many films that beep as do not, whoever only looks is right in
    half of them, and whoever only listens hardly in more.
    """
    beeping = video.colour if video.sound.sound == "beep" else SILENT
    return [
        _question("video/direction", video.direction, DIRECTIONS, rng),
        _question("video/what", video.shape, SHAPES, rng),
        _question("video/beeps", beeping, (*COLOURS, SILENT), rng),
    ]


def describe_image(image: ImageContent) -> str:
    """The caption of `picture`, such as 'a red circle at the left'."""
    where = "in the middle" if image.place == "middle" else f"at the {image.place}"
    return f"a {image.colour} {image.shape} {where}"


def describe_audio(sound: AudioContent) -> str:
    """The caption of `sound`, such as 'three high beeps' or 'one low noise'."""
    ending = "" if sound.count == "one" else "es" if sound.sound == "buzz" else "s"
    return f"{sound.count} {sound.pitch} {sound.sound}{ending}"


def describe_video(video: VideoContent) -> str:
    """The caption of `film`, such as 'a red circle moves up with one low click'."""
    return f"a {video.colour} {video.shape} moves {video.direction} with {describe_audio(video.sound)}"


def ask_for_description(medium: ImageContent | AudioContent | VideoContent, rng: np.random.Generator) -> Question:
    """Ask for the caption of `medium`."""
    if isinstance(medium, ImageContent):
        kind, answer = "image/caption", describe_image(medium)
    elif isinstance(medium, AudioContent):
        kind, answer = "audio/caption", describe_audio(medium)
    else:
        kind, answer = "video/caption", describe_video(medium)
    return Question(kind, str(rng.choice(DESCRIBE[kind])), answer)


def _question(kind: str, answer: str, choices: tuple[str, ...], rng: np.random.Generator) -> Question:
    return Question(kind, str(rng.choice(PHRASINGS[kind])), answer, choices)
