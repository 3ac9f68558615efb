"""Pairs of conversations about one medium: near-duplicates planted by edits, and pairs that only look alike.

Equal seeds give equal pairs. The edits are those that a language model makes when it is asked twice: it words a
question differently, moves a clause, changes articles, tense, contractions, spelling and numbers, adds an opening, or
exchanges, misspells or adds a word of a long answer. Pairs that only look alike come from one template with other
objects, colours, counts or places, from different questions about one scene, or say the opposite.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

THINGS = ("dog", "cat", "horse", "bicycle", "car", "bus", "boat", "child", "woman", "man", "bird", "cow", "chair",
          "suitcase", "umbrella", "laptop", "guitar", "truck", "train", "sheep", "bench", "lamp", "kite",
          "surfer")  # fmt: skip
COLOURS = ("red", "blue", "green", "white", "black", "brown", "yellow", "grey", "orange", "purple")
PLACES = ("park", "kitchen", "street", "beach", "garden", "station", "office", "forest", "harbour", "market", "field")
ACTIONS = ("sleeping", "waiting", "standing", "resting", "moving", "leaning", "playing", "turning")
BESIDE = ("fence", "wall", "tree", "table", "door", "window", "fountain", "statue", "counter", "puddle", "rock")
NUMBERS = ("two", "three", "four", "five", "six", "seven")
WEATHER = ("sunny", "cloudy", "rainy", "foggy", "snowy", "windy")
SYNONYMS = {
    "large": "big", "small": "little", "quietly": "calmly", "close": "near", "old": "ancient", "pleasant": "nice",
    "shelter": "cover", "spot": "place", "path": "trail", "walking": "strolling", "ground": "soil",
}  # fmt: skip
DETAILS = (" clearly", " right there", " at the moment", " together", " by itself")
LONG_TEMPLATES = ("describe", "why")
"""Of which one word can be exchanged, misspelled or added, and most words stay."""
OPENINGS = ("In this image, ", "As you can see, ", "In the picture, ", "Here, ")
ASKING = ("Can you tell me {}", "Please tell me {}", "Could you say {}")


@dataclass(frozen=True)
class Scene:
    """What the template of a question and its answer is filled with."""

    thing: str
    colour: str
    place: str
    action: str
    beside: str
    number: str
    weather: str


Template = Callable[[Scene], tuple[str, str]]
TEMPLATES: dict[str, Template] = {
    "colour": lambda s: (f"What color is the {s.thing}?", f"The {s.thing} is {s.colour}."),
    "where": lambda s: (f"Where is the {s.thing} {s.action}?", f"The {s.thing} is {s.action} next to the {s.beside}."),
    "count": lambda s: (
        f"How many {s.thing}s are in the {s.place}?", f"There are {s.number} {s.thing}s in the {s.place}.",
    ),
    "what": lambda s: (
        f"What is behind the {s.beside}?", f"A {s.colour} {s.thing} is {s.action} behind the {s.beside}.",
    ),
    "weather": lambda s: (f"What is the weather like in the {s.place}?", f"It is {s.weather}, and the ground is wet."),
    "doing": lambda s: (f"What is the {s.thing} doing?", f"The {s.thing} is {s.action} quietly in the {s.place}."),
    "exists": lambda s: (f"Is there a {s.thing} in the {s.place}?", f"Yes, there is a {s.colour} {s.thing}."),
    "why": lambda s: (
        f"Why might the {s.thing} be {s.action} there?",
        f"The {s.weather} weather makes the {s.place} a pleasant spot, and the {s.beside} gives the {s.thing} shelter.",
    ),
    "describe": lambda s: (
        "Describe the scene.",
        f"A large {s.colour} {s.thing} is {s.action} close to an old {s.beside} in the {s.place}. In the background,"
        f" {s.number} people are walking under a {s.weather} sky, and a small sign hangs above the path.",
    ),
}  # fmt: skip


def pairs(count: int, seed: int) -> Iterator[tuple[str, bool, dict[str, Any], dict[str, Any]]]:
    """As many near-duplicates as pairs that only look alike.

    Yields:
        What was done, whether the two are near-duplicates, and the two conversations.
    """
    rng = random.Random(seed)
    for _ in range(count):
        name, scene = rng.choice(sorted(TEMPLATES)), _scene(rng)
        question, answer = TEMPLATES[name](scene)
        edits = [edit for edit in EDITS if edit not in IN_LONG_TEXTS or name in LONG_TEMPLATES]
        chosen = rng.sample(edits, rng.choice((1, 1, 2, 3)))
        edited = question, answer
        for edit in sorted(chosen, key=list(EDITS).index):
            edited = EDITS[edit](*edited, rng)
        yield "+".join(chosen), True, _row(question, answer), _row(*edited)
        what = rng.choice(sorted(LOOKALIKES))
        yield what, False, _row(question, answer), _row(*LOOKALIKES[what](name, scene, rng))


def _scene(rng: random.Random) -> Scene:
    return Scene(*(rng.choice(words) for words in (THINGS, COLOURS, PLACES, ACTIONS, BESIDE, NUMBERS, WEATHER)))


def _row(question: str, answer: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"image": ["a.jpg"], "messages": messages}


def _reworded(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """From `What is the dog doing?` to `Can you tell me what the dog is doing?`."""
    words = question.rstrip("?.").split()
    if words[0] in ("What", "Where", "Why", "How") and "is" in words[:3]:
        words.remove("is")
        words.insert(len(words) - 1, "is")
    first = words[0].lower() if words[0] != "Is" else "whether there is"
    return rng.choice(ASKING).format(" ".join([first, *words[2 if words[0] == "Is" else 1:]])) + "?", answer


def _moved(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """From `The dog is resting in the park.` to `In the park, the dog is resting.`."""
    del rng
    first, dot, rest = answer.partition(".")
    for word in (" in the ", " next to the ", " behind the ", ", and "):
        head, found, tail = first.partition(word)
        if found and len(head.split()) > 2 and tail:
            clause = (found.strip(" ,") + " " + tail).removeprefix("and ")
            return question, f"{clause[0].upper()}{clause[1:]}, {head[0].lower()}{head[1:]}{dot}{rest}"
    return question, answer


def _articles(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    one, other = rng.choice((("the ", "that "), ("the ", "this "), ("a ", "one of the "), ("the ", "its ")))
    return question.replace(one, other), answer.replace(f" {one}", f" {other}")


def _tense(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    del rng
    return question.replace(" is ", " was "), answer.replace(" is ", " was ").replace(" are ", " were ")


def _typed(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """Case and punctuation."""
    return rng.choice((question.lower(), question.rstrip("?."), question.upper())), answer.rstrip(".").lower() + "!"


def _opened(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    return question, rng.choice(OPENINGS) + answer[0].lower() + answer[1:]


def _spelled(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """Numbers as digits, British spelling, contractions."""
    del rng
    for number, word in enumerate(NUMBERS, start=2):
        answer = answer.replace(f" {word} ", f" {number} ")
    return question.replace("color", "colour").replace("What is", "What's"), answer.replace("It is", "It's")


def _synonym(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    word = rng.choice([word for word in sorted(SYNONYMS) if f" {word} " in answer] or ["large"])
    return question, answer.replace(f" {word} ", f" {SYNONYMS[word]} ")


def _detail(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """A word or two more, at the end of the first sentence."""
    first, dot, rest = answer.partition(".")
    return question, f"{first}{rng.choice(DETAILS)}{dot}{rest}"


def _misspelled(question: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """A letter is missing inside of one long word."""
    word = rng.choice([word for word in answer.split() if len(word) > 5])
    at = rng.randrange(1, len(word) - 2)
    return question, answer.replace(word, word[:at] + word[at + 1 :], 1)


Edit = Callable[[str, str, random.Random], tuple[str, str]]
EDITS: dict[str, Edit] = {
    "reworded": _reworded, "moved": _moved, "articles": _articles, "tense": _tense, "synonym": _synonym,
    "spelled": _spelled, "detail": _detail, "misspelled": _misspelled, "opened": _opened, "typed": _typed,
}  # fmt: skip
IN_LONG_TEXTS = {"synonym", "detail", "misspelled"}


def _other_object(name: str, scene: Scene, rng: random.Random) -> tuple[str, str]:
    """The same question about another object, which has a colour of its own."""
    other = _scene(rng)
    while other.thing == scene.thing or other.colour == scene.colour:
        other = _scene(rng)
    asked = name if name in ("colour", "exists", "doing", "where") else "colour"
    return TEMPLATES[asked](Scene(other.thing, other.colour, scene.place, other.action, other.beside, scene.number,
                                  scene.weather))  # fmt: skip


def _other_question(name: str, scene: Scene, rng: random.Random) -> tuple[str, str]:
    """Another question about the same scene."""
    return TEMPLATES[rng.choice([other for other in sorted(TEMPLATES) if other != name])](scene)


def _other_scene(name: str, scene: Scene, rng: random.Random) -> tuple[str, str]:
    """The same template about another scene."""
    other = _scene(rng)
    while other.thing == scene.thing or other.place == scene.place or other.beside == scene.beside:
        other = _scene(rng)
    return TEMPLATES[name](other)


def _opposite(name: str, scene: Scene, rng: random.Random) -> tuple[str, str]:
    """A question about something that is not there, answered with no."""
    del name
    thing = rng.choice([one for one in THINGS if one != scene.thing])
    return f"Is there a {thing} in the {scene.place}?", f"No, there is no {thing}, only a {scene.thing}."


Lookalike = Callable[[str, Scene, random.Random], tuple[str, str]]
LOOKALIKES: dict[str, Lookalike] = {
    "other object": _other_object, "other question": _other_question, "other scene": _other_scene,
    "opposite": _opposite,
}  # fmt: skip
