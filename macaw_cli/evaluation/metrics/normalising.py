"""Forms of a text in which answers are compared, in any script."""

import re
import unicodedata
from collections.abc import Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
APOSTROPHES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'"})


def answer_words(text: str) -> list[str]:
    """Lower case, without punctuation and English articles, as in the evaluation of SQuAD.

    Unlike there, punctuation and symbols of all scripts are taken out, and characters are composed (NFC).

    Source: Rajpurkar et al. 2016 (arXiv 1606.05250), section 6.1.
    """
    return ARTICLES.sub(" ", _without_punctuation(_plain(text).replace("'", ""), "")).split()


def spoken_words(text: str) -> str:
    """Lower case, composed (NFC), single spaces; punctuation and symbols but apostrophes inside words become spaces."""
    return " ".join(_without_punctuation(_plain(text), " ").split())


def spoken_pairs(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """References and answers of `pairs` as `spoken_words`, each in a list of its own."""
    return [spoken_words(reference) for reference, _ in pairs], [spoken_words(answer) for _, answer in pairs]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower()).translate(APOSTROPHES)


def _without_punctuation(text: str, instead: str) -> str:
    """Combining marks, such as vowel signs of Hindi and Thai, belong to their word and stay."""
    kept = []
    for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        apostrophe = character == "'" and _in_word(before) and _in_word(after)
        kept.append(character if apostrophe or not _is_mark(character) else instead)
    return "".join(kept)


def _in_word(character: str) -> bool:
    return not (character.isspace() or _is_mark(character))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
