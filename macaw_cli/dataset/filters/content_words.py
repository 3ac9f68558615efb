"""The words of a text that carry its content, in a form in which different spellings of one word are equal."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*(?:'[^\W_]+)?|[+*/<>=^%&|~@#$€£°]|(?<=[\d\s])-(?=[\d\s])")
"""A word, a number, or a sign that carries meaning, as in `2 + 2`."""
_NOT = re.compile(r"n't\b|\bcannot\b")
_SHORT = re.compile(r"'(?:s|re|ve|ll|d|m)\b")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Characters of Japanese, Chinese and Korean, each of which counts as a word."""
_COMMON_WORDS = (
    "a an the this that these those there here it its is are was were be been being am do does did has have had can "
    "could will would shall should may might must of in on at to from by for with about into onto over and or but so "
    "as than then if whether what which who whom whose where when why how i you he she they we me him her them us my "
    "your his their our one ones some any each very just also please tell describe name say give see seen seeing show "
    "shown shows showing appear appears visible image images picture pictures photo photos photograph video clip "
    "audio recording sound scene kind type sort"
)
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words that say nothing about what is seen or heard, and those with which questions are made."""
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())}
"""Number words as digits."""
_SAME = {"color": "colour", "gray": "grey", "tv": "television", "bike": "bicycle", "phone": "telephone", "no": "not"}
"""Two forms of one word."""
ANSWER_WORDS = frozenset({"yes", "not"})
"""Content words that say nothing of what is seen or heard."""


def words(text: str) -> list[str]:
    """All words in order, folded to one case and composition."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return _WORD.findall(_UNSPACED.sub(r" \g<0> ", _SHORT.sub("", _NOT.sub(" not", plain))))


def content_words(text: str) -> list[str]:
    """The content words of a text in order: without common words and endings, numbers as digits."""
    return list(_content(words(text)))


def _content(found: list[str]) -> Iterator[str]:
    for word in found:
        if word in NUMBERS:
            yield NUMBERS[word]
        elif word not in _COMMON:
            yield _stem(word)


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    """The word without the endings of plural, genitive and tense: a light form of the stemmer of Porter (1980)."""
    word = _SAME.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and re.search(r"[aeiouy]", stem):
            return _without_doubling(stem)
    return word.removesuffix("e") if len(word) > 3 else word


def _without_doubling(stem: str) -> str:
    """`running` → `run`, and as for other words without an `e` at the end: `moving` → `mov`."""
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz":
        return stem[:-1]
    return stem.removesuffix("e") if len(stem) > 3 else stem
