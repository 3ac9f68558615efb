"""What the tiny Llama reads before it ever meets a medium: captions with questions about them, and text-only tasks.

As a real language model knows what a red circle is before it learns to see, this one learns to answer the world's
questions from a description in words. No unseen combination and no held-out text question is among what it reads.
"""

import numpy as np

from macaw_cli.quickstart import attributes, questions, texts
from macaw_cli.quickstart.attributes import DIRECTIONS, HORIZONTAL, AudioContent, ImageContent, VideoContent
from macaw_cli.quickstart.pretraining.samples import NUMBERS, describe_cell
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.videos import movement_path

SHARE_OF_TEXTS = 0.2
SHARE_OF_DESCRIPTIONS = 0.15
SEEN_IMAGES = [image for image in attributes.all_images() if image not in attributes.UNSEEN_IMAGES]
SEEN_AUDIO = [sound for sound in attributes.all_audio() if sound not in attributes.UNSEEN_AUDIO]
SEEN_WAYS = [way for way in attributes.all_movements() if not attributes.is_unseen_movement(*way)]
TEXTS = [text for kind in texts.all_text_questions().values() for text in kind if not texts.is_heldout(text)]


def read_something(rng: np.random.Generator) -> tuple[str, Question]:
    """A description in words (empty for a text-only task) and a question that it answers."""
    if rng.random() < SHARE_OF_TEXTS:
        return "", TEXTS[int(rng.integers(len(TEXTS)))]
    medium = _medium(rng)
    if rng.random() < SHARE_OF_DESCRIPTIONS:
        return _description(medium, rng), questions.ask_for_description(medium, rng)
    asked = _questions(medium, rng)
    return _description(medium, rng), asked[int(rng.integers(len(asked)))]


def every_text() -> list[str]:
    """Every question and answer there is, for the tokenizer's vocabulary."""
    found = [text for phrasings in (questions.PHRASINGS | questions.DESCRIBE).values() for text in phrasings]
    found += [f"{text.text}\n{text.answer}" for kind in texts.all_text_questions().values() for text in kind]
    found += [questions.describe_image(image) for image in attributes.all_images()]
    found += [questions.describe_audio(sound) for sound in attributes.all_audio()]
    found += [f"a shape moves {direction} with a sound, from column {a} row {b} to the place"
              for direction in DIRECTIONS for a in NUMBERS for b in NUMBERS]
    words = (*attributes.COLOURS, *attributes.SHAPES, *attributes.PLACES, *attributes.SOUNDS, *attributes.PITCHES,
             *attributes.COUNTS, *attributes.DIRECTIONS, questions.SILENT, "yes", "no", "a")
    return found + [f"{word}\n a {word}" for word in words] * 50


def _medium(rng: np.random.Generator) -> ImageContent | AudioContent | VideoContent:
    """A picture, a sound, or (twice as often) a film, which beeps every second time, as the world's films do."""
    kind = int(rng.integers(4))
    if kind == 0:
        return SEEN_IMAGES[int(rng.integers(len(SEEN_IMAGES)))]
    if kind == 1:
        return SEEN_AUDIO[int(rng.integers(len(SEEN_AUDIO)))]
    beeps = rng.random() < 0.5
    heard = [sound for sound in SEEN_AUDIO if (sound.sound == "beep") == beeps]
    return VideoContent(*SEEN_WAYS[int(rng.integers(len(SEEN_WAYS)))], heard[int(rng.integers(len(heard)))])


def _questions(medium: ImageContent | AudioContent | VideoContent, rng: np.random.Generator) -> list[Question]:
    if isinstance(medium, ImageContent):
        return questions.ask_about_image(medium, rng)
    if isinstance(medium, AudioContent):
        return questions.ask_about_audio(medium, rng)
    return questions.ask_about_video(medium, rng)


def _description(medium: ImageContent | AudioContent | VideoContent, rng: np.random.Generator) -> str:
    """`medium` in words: a sentence, or its attributes in any order, or (for a film) where the shape is over time."""
    if isinstance(medium, ImageContent):
        return _in_words(questions.describe_image(medium), [medium.colour, medium.shape, medium.place], rng)
    if isinstance(medium, AudioContent):
        return _in_words(questions.describe_audio(medium), [medium.count, medium.pitch, medium.sound], rng)
    heard = _description(medium.sound, rng)
    if rng.random() < 0.4:
        seen = _over_time(medium, rng)
    else:
        sentence = f"a {medium.colour} {medium.shape} moves {medium.direction}"
        seen = _in_words(sentence, [medium.colour, medium.shape, medium.direction], rng)
    return f"{seen} {heard}" if rng.random() < 0.5 else f"{heard} {seen}"


def _in_words(sentence: str, words: list[str], rng: np.random.Generator) -> str:
    return sentence if rng.random() < 0.4 else " ".join(words[place] for place in rng.permutation(len(words)))


def _over_time(video: VideoContent, rng: np.random.Generator) -> str:
    path = movement_path(video.direction, rng)
    moments = (path[0], path[len(path) // 2], path[-1])
    seen = [f"a {video.colour} {video.shape} {describe_cell(centre)}" for centre in moments]
    axis = "column" if video.direction in HORIZONTAL else "row"
    if rng.random() < 0.5:
        return ", ".join(seen)
    positions = [sentence.split(axis)[1].split()[0] for sentence in seen]
    return f"{video.colour} {video.shape} " + " ".join(f"{axis} {position}" for position in positions)
