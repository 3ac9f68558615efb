"""CHAIR: objects that a caption names and the image does not have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from macaw_cli.evaluation.metrics.caption_words import caption_tokens
from macaw_cli.evaluation.metrics.chair_objects import IRREGULAR, PAIRS, category_of_words

VOWELS = "aeiou"


@dataclass(frozen=True)
class Described:
    """An image with what is known of it, and the caption that a model gave it.

    Args:
        objects: COCO categories of its instances.
        references: captions that people wrote.
        caption: the model's.
    """

    objects: frozenset[str]
    references: tuple[str, ...]
    caption: str


@dataclass(frozen=True)
class Hallucination:
    """CHAIR of a corpus.

    Args:
        per_object: CHAIRi, named objects that the image does not have / named objects; 0 where none is named.
        per_caption: CHAIRs, captions with such an object / captions.
        named: how many objects are named.
    """

    per_object: float
    per_caption: float
    named: int


def chair(described: Sequence[Described]) -> Hallucination:
    """CHAIRi and CHAIRs, 0 to 1, lower is better.

    An image has the categories of its instances and those that its references name.

    Source: Rohrbach et al. 2018 (arXiv 1809.02156), section 2. Here `bus`, `ties` and `canoes` count as well, which the
    published program misses because of its singular forms.

    Args:
        described: images and captions, at least one.
    """
    named = wrong = captions = 0
    for one in described:
        has = {category_of_words().get(name, name) for name in one.objects}.union(*map(named_objects, one.references))
        found = named_objects(one.caption)
        missing = [category for category in found if category not in has]
        named, wrong, captions = named + len(found), wrong + len(missing), captions + bool(missing)
    return Hallucination(wrong / named if named else 0.0, captions / len(described), named)


def named_objects(text: str) -> list[str]:
    """The COCO categories that a text names, in order; a category that is named twice stands there twice."""
    known, words = _categories(), list(_joined([_singular(word) for word in caption_tokens(text)]))
    if "toilet" in words:
        words = [word for word in words if word != "seat"]
    return [known[word] for word in words if word in known]


def _joined(words: Sequence[str]) -> Iterable[str]:
    at = 0
    pairs = _pairs()
    while at < len(words):
        pair = " ".join(words[at : at + 2])
        yield pairs.get(pair, words[at])
        at += 2 if pair in pairs else 1


@cache
def _categories() -> dict[str, str]:
    return category_of_words()


@cache
def _pairs() -> dict[str, str]:
    return {**{words: words for words in _categories() if " " in words}, **PAIRS}


@cache
def _singulars() -> dict[str, str]:
    """Plural, also a misspelt one such as `womans`, to singular of every word that counts."""
    words = {part for words in (*_categories(), *_pairs()) for part in words.split()} - set(IRREGULAR)
    simple = {f"{word}s": word for word in words if not word.endswith("s")}
    return {**simple, **{_plural(word): word for word in words}, **IRREGULAR}


def _singular(word: str) -> str:
    return _singulars().get(word, word)


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in VOWELS:
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
