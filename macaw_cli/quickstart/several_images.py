"""Kinds of questions that one image cannot answer: two images in one question, and an image of an earlier turn.

They are asked about the images that the world has anyway, in groups of four: A and A' differ in what is asked about, B
is like A, and B' is like A'. So (A, B) and (A', B') are the same, (A, B') and (A', B) are not, and whichever of the two
images is swapped, the answer is another one. A and A' stand at the same place: what is said about them in an earlier
turn tells them apart no more than the words of the question do.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.quickstart_settings import ExtraKind
from macaw_cli.quickstart.attributes import COLOURS, SHAPES
from macaw_cli.quickstart.questions import PHRASINGS

Image = tuple[Any, str]
"""What an image shows, an `ImageContent`, and its path."""
Group = tuple[Image, Image, Image, Image]
"""A, A', B and B'."""

VALUES = {"colour": COLOURS, "shape": SHAPES}
YES_NO = ("yes", "no")
SAME: Mapping[str, tuple[str, ...]] = {
    "colour": ("Do both images show the same colour?", "Are the two shapes of the same colour?",
               "Is the colour the same in both images?"),
    "shape": ("Do both images show the same shape?", "Are the two shapes of the same kind?",
              "Is the shape the same in both images?"),
}  # fmt: skip
OF_ONE = ("What colour is the shape in the {place} image?", "Which colour does the {place} image show?")
PLACES = ("first", "second")
AS_BEFORE: Mapping[str, tuple[str, ...]] = {
    "colour": ("Is it the same colour as before?", "Does it have the colour of the shape before?"),
    "shape": ("Is it the same shape as before?", "Is this the shape that you saw before?"),
}
OF_EARLIER: Mapping[str, tuple[str, ...]] = {
    "colour": ("What colour was the shape before?", "Which colour did the first shape have?"),
    "shape": ("What was the shape before?", "Which shape did you see before?"),
}


def several_images(
    kinds: Sequence[ExtraKind], images: Sequence[Image], count: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """The conversations of `kinds`, without id and split.

    Args:
        kinds: which.
        images: to choose from.
        count: groups of four images for each kind and attribute; each is asked four or eight questions.
        rng: draws the images and phrasings.

    Raises:
        UsageError: there are too few images.
    """
    asked = {"two-images": _two_images, "earlier-turn": _earlier_turn}
    for kind in kinds:
        for attribute in VALUES:
            for group in _groups(images, attribute, count, rng):
                yield from asked[kind](group, attribute, rng)


def _groups(images: Sequence[Image], attribute: str, count: int, rng: np.random.Generator) -> Iterator[Group]:
    """Groups of four different images; values and places occur equally often."""
    at_place: dict[tuple[str, str], list[Image]] = defaultdict(list)
    for image in images:
        at_place[getattr(image[0], attribute), image[0].place].append(image)
    anywhere: dict[str, list[Image]] = defaultdict(list)
    for (value, _), found in at_place.items():
        anywhere[value] += found
    possible = [
        (one, other, place) for one, place in at_place for other in VALUES[attribute]
        if other != one and (other, place) in at_place and len(anywhere[one]) > 1 and len(anywhere[other]) > 1
    ]  # fmt: skip
    if not possible:
        raise UsageError(
            f"The world has too few images for quickstart.kinds: no two with another {attribute} at the same place.",
            "Raise quickstart.train_images and quickstart.heldout.",
        )
    for number in range(count):
        if number % len(possible) == 0:
            order = rng.permutation(len(possible))
        one, other, place = possible[order[number % len(possible)]]
        first, first_other = _one_of(at_place[one, place], rng), _one_of(at_place[other, place], rng)
        second = _one_of([image for image in anywhere[one] if image is not first], rng)
        second_other = _one_of([image for image in anywhere[other] if image is not first_other], rng)
        yield first, first_other, second, second_other


def _one_of(found: Sequence[Any], rng: np.random.Generator) -> Any:
    return found[int(rng.integers(len(found)))]


def _pairs(group: Group) -> Iterator[tuple[Image, Image, str]]:
    """Each of A and A' with each of B and B', and whether they are alike."""
    for number, first in enumerate(group[:2]):
        for place, second in enumerate(group[2:]):
            yield first, second, YES_NO[number != place]


def _two_images(group: Group, attribute: str, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    compared = _one_of(SAME[attribute], rng)
    at = int(rng.integers(2))
    of_one = _one_of(OF_ONE, rng).format(place=PLACES[at])
    for first, second, alike in _pairs(group):
        media = {"image": [first[1], second[1]]}
        yield media | _answered([compared], alike, f"two-images/same-{attribute}", YES_NO)
        if attribute == "colour":
            colour = (first, second)[at][0].colour
            yield media | _answered([of_one], colour, f"two-images/{PLACES[at]}-colour", COLOURS)


def _earlier_turn(group: Group, attribute: str, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    where, compared = _one_of(PHRASINGS["image/place"], rng), _one_of(AS_BEFORE[attribute], rng)
    of_earlier = _one_of(OF_EARLIER[attribute], rng)
    for first, second, alike in _pairs(group):
        media = {"image": [first[1], second[1]]}
        said = [where, first[0].place]
        yield media | _answered([*said, compared], alike, f"earlier-turn/same-{attribute}", YES_NO)
        value = getattr(first[0], attribute)
        yield media | _answered([*said, of_earlier], value, f"earlier-turn/{attribute}-before", VALUES[attribute])


def _answered(said: Sequence[str], answer: str, kind: str, choices: Sequence[str]) -> dict[str, Any]:
    """Questions and answers in turn; the image of a later question stands before it."""
    messages: list[dict[str, Any]] = []
    for number, text in enumerate([*said, answer]):
        role = "assistant" if number % 2 else "user"
        later = number > 0 and role == "user"
        content: Any = [{"type": "image"}, {"type": "text", "text": text}] if later else text
        messages.append({"role": role, "content": content})
    return {"messages": messages, "kind": kind, "choices": list(choices)}
