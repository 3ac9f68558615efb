"""Whether what is known of the media supports an answer, by words alone."""

from collections.abc import Iterable

from macaw_cli.dataset.filters.content_words import ANSWER_WORDS, content_words, words

_NOTHING = frozenset({"no", "not", "none", "nothing", "nobody", "nowhere", "never", "neither"})
"""Words with which an answer denies what was asked."""


def known_words(texts: Iterable[str]) -> frozenset[str]:
    """The content words of captions and the like."""
    return frozenset(word for text in texts for word in content_words(text))


def support(question: str, answer: str, known: frozenset[str]) -> float:
    """How well an answer is supported, from 0 to 1.

    Counted are the content words that the answer brings beyond its question: the share of them that is known. Of an
    answer that brings none all its words count. Yes and no are about the question, whose words count then: yes is
    supported as far as they are known, a denial as far as they are not.

    Args:
        question: what was asked.
        answer: what was answered.
        known: content words of what is known of the media, from `known_words`.
    """
    asked = set(content_words(question)) - ANSWER_WORDS
    spoken = set(words(answer))
    denies = bool(spoken & _NOTHING)
    told = set(content_words(answer)) - ANSWER_WORDS - _NOTHING
    brought = told - asked
    if brought:
        return len(brought & known) / len(brought)
    supposed = (asked or told) if denies or "yes" in spoken else (told or asked)
    if not supposed:
        return 1.0
    share = len(supposed & known) / len(supposed)
    return 1 - share if denies else share


def unsupported(question: str, answer: str, known: frozenset[str]) -> list[str]:
    """The content words of an answer that nothing supports, in order."""
    asked = set(content_words(question)) | known | ANSWER_WORDS | _NOTHING
    return list(dict.fromkeys(word for word in content_words(answer) if word not in asked))
