"""What the tiny Llama reads before it ever meets a medium: captions with questions about them, and text-only tasks.

As a real language model knows what a red circle is before it learns to see, this one learns to answer the world's
questions from a description in words. No unseen combination and no held-out text question is among what it reads.
"""

import numpy as np

from macaw_cli.quickstart import attributes, questions, texts
from macaw_cli.quickstart.attributes import DIRECTIONS, HORIZONTAL, Film, Picture, Sound
from macaw_cli.quickstart.pretraining.samples import NUMBERS, describe_cell
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.videos import film_path

SHARE_OF_TEXTS = 0.2
SHARE_OF_DESCRIPTIONS = 0.15
SEEN_PICTURES = [picture for picture in attributes.all_pictures() if picture not in attributes.UNSEEN_PICTURES]
SEEN_SOUNDS = [sound for sound in attributes.all_sounds() if sound not in attributes.UNSEEN_SOUNDS]
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
    found += [questions.describe_picture(picture) for picture in attributes.all_pictures()]
    found += [questions.describe_sound(sound) for sound in attributes.all_sounds()]
    found += [f"a shape moves {direction} with a sound, from column {a} row {b} to the place"
              for direction in DIRECTIONS for a in NUMBERS for b in NUMBERS]
    words = (*attributes.COLOURS, *attributes.SHAPES, *attributes.PLACES, *attributes.SOUNDS, *attributes.PITCHES,
             *attributes.COUNTS, *attributes.DIRECTIONS, questions.SILENT, "yes", "no", "a")
    return found + [f"{word}\n a {word}" for word in words] * 50


def _medium(rng: np.random.Generator) -> Picture | Sound | Film:
    """A picture, a sound, or (twice as often) a film, which beeps every second time, as the world's films do."""
    kind = int(rng.integers(4))
    if kind == 0:
        return SEEN_PICTURES[int(rng.integers(len(SEEN_PICTURES)))]
    if kind == 1:
        return SEEN_SOUNDS[int(rng.integers(len(SEEN_SOUNDS)))]
    beeps = rng.random() < 0.5
    heard = [sound for sound in SEEN_SOUNDS if (sound.sound == "beep") == beeps]
    return Film(*SEEN_WAYS[int(rng.integers(len(SEEN_WAYS)))], heard[int(rng.integers(len(heard)))])


def _questions(medium: Picture | Sound | Film, rng: np.random.Generator) -> list[Question]:
    if isinstance(medium, Picture):
        return questions.ask_about_picture(medium, rng)
    if isinstance(medium, Sound):
        return questions.ask_about_sound(medium, rng)
    return questions.ask_about_film(medium, rng)


def _description(medium: Picture | Sound | Film, rng: np.random.Generator) -> str:
    """`medium` in words: a sentence, or its attributes in any order, or (for a film) where the shape is over time."""
    if isinstance(medium, Picture):
        return _in_words(questions.describe_picture(medium), [medium.colour, medium.shape, medium.place], rng)
    if isinstance(medium, Sound):
        return _in_words(questions.describe_sound(medium), [medium.count, medium.pitch, medium.sound], rng)
    heard = _description(medium.sound, rng)
    if rng.random() < 0.4:
        seen = _over_time(medium, rng)
    else:
        sentence = f"a {medium.colour} {medium.shape} moves {medium.direction}"
        seen = _in_words(sentence, [medium.colour, medium.shape, medium.direction], rng)
    return f"{seen} {heard}" if rng.random() < 0.5 else f"{heard} {seen}"


def _in_words(sentence: str, words: list[str], rng: np.random.Generator) -> str:
    return sentence if rng.random() < 0.4 else " ".join(words[place] for place in rng.permutation(len(words)))


def _over_time(film: Film, rng: np.random.Generator) -> str:
    path = film_path(film.direction, rng)
    moments = (path[0], path[len(path) // 2], path[-1])
    seen = [f"a {film.colour} {film.shape} {describe_cell(centre)}" for centre in moments]
    axis = "column" if film.direction in HORIZONTAL else "row"
    if rng.random() < 0.5:
        return ", ".join(seen)
    positions = [sentence.split(axis)[1].split()[0] for sentence in seen]
    return f"{film.colour} {film.shape} " + " ".join(f"{axis} {position}" for position in positions)
