"""Text-only tasks of the world: small sums, opposites, repeating a word; training keeps what needs no media."""

import zlib
from itertools import product

import numpy as np

from macaw_cli.quickstart.questions import Question

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SUMS = ("How much is {a} plus {b}?", "What is {a} plus {b}?", "Add {a} and {b}.", "{a} plus {b} is how much?",
        "What do {a} and {b} make?", "Tell me the sum of {a} and {b}.", "Please add {b} to {a}.", "Sum of {a} and {b}?")
OPPOSITES = (("hot", "cold"), ("big", "small"), ("old", "new"), ("fast", "slow"), ("wet", "dry"), ("full", "empty"),
             ("hard", "soft"), ("light", "dark"), ("loud", "quiet"), ("early", "late"), ("rich", "poor"),
             ("thick", "thin"), ("open", "closed"), ("long", "short"), ("strong", "weak"), ("sweet", "sour"),
             ("near", "far"), ("good", "bad"))
OPPOSITE_PHRASINGS = ("What is the opposite of {word}?", "Name the opposite of {word}.", "Opposite of {word}?",
                      "Which word is the opposite of {word}?", "Tell me the opposite of {word}.",
                      "{word} is the opposite of what?", "Give the opposite of {word}.", "What is not {word}?",
                      "The opposite of {word}, please.", "Say the opposite of {word}.",
                      "I need the opposite of {word}.", "{word} and its opposite?")
WORDS = ("apple", "bread", "chair", "door", "eagle", "fish", "garden", "house", "island", "jacket", "kitchen", "lemon",
         "moon", "night", "orange", "paper", "queen", "river", "stone", "table", "umbrella", "village", "window",
         "year", "bird", "cloud", "dog", "earth", "flower", "glass", "horse", "iron", "juice", "king", "leaf", "milk",
         "nose", "ocean", "pen", "rain", "sun", "tree", "uncle", "voice", "water")
REPEAT_PHRASINGS = ("Repeat the word {word}.", "Say {word}.", "Write the word {word}.", "Please say {word}.",
                    "Say the word {word} once.", "Can you say {word}?", "Repeat: {word}.", "Copy the word {word}.",
                    "Write {word}.", "Please repeat {word}.")


def all_text_questions() -> dict[str, list[Question]]:
    """Every text-only question there is, by kind, in a fixed order."""
    partner = dict(OPPOSITES) | {second: first for first, second in OPPOSITES}
    sums = [(a, b) for a, b in product(range(11), repeat=2) if a + b <= 10]
    return {
        "text/sum": [
            Question("text/sum", _sentence(phrasing.format(a=NUMBERS[a], b=NUMBERS[b])), NUMBERS[a + b], NUMBERS)
            for phrasing, (a, b) in product(SUMS, sums)
        ],
        "text/opposite": [
            Question("text/opposite", _sentence(phrasing.format(word=word)), answer)
            for phrasing, (word, answer) in product(OPPOSITE_PHRASINGS, partner.items())
        ],
        "text/repeat": [
            Question("text/repeat", phrasing.format(word=word), word)
            for phrasing, word in product(REPEAT_PHRASINGS, WORDS)
        ],
    }


def is_heldout(question: Question) -> bool:
    """Whether `question` is kept for testing: half of them are, the same ones in every world."""
    return zlib.crc32(question.text.encode()) % 2 == 0


def draw_text_questions(per_kind: int, rng: np.random.Generator, *, heldout: bool) -> list[Question]:
    """Take `per_kind` questions of each kind at random (all, where there are not so many) from one of the halves."""
    drawn: list[Question] = []
    for questions in all_text_questions().values():
        half = [question for question in questions if is_heldout(question) == heldout]
        drawn += [half[number] for number in rng.permutation(len(half))[:per_kind]]
    return drawn


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
