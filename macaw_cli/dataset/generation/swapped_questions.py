"""Unanswerable examples without any call: an item gets a question that was asked about another item.

Whether the question fits the item after all is told by its words: a question is only moved when its own item's
captions name something that the question asks about and the other item's captions name none of it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

from macaw_cli.config.unanswerable import ANSWERS, answer_about
from macaw_cli.dataset.generation.examples import Row, known_of
from macaw_cli.dataset.generation.prompt import known_text, medium_of
from macaw_cli.dataset.items import Item

KIND = "unanswerable-swapped"
MOVABLE = ("question-answer", "reasoning", "yes-no", "counting")
"""Kinds whose questions ask for something that only their own item has."""
TRIES = 20
"""Items that are tried for one question."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = frozenset((
    "the", "and", "for", "are", "was", "were", "has", "had", "have", "its", "his", "her", "him", "she", "you", "who",
    "how", "why", "what", "which", "where", "when", "does", "did", "that", "this", "there", "they", "them", "their",
    "with", "about", "from", "into", "onto", "over", "under", "image", "photo", "video", "audio",
    "shown", "seen", "heard", "many", "much", "any", "all", "one", "two", "kind", "type", "color", "colour", "people",
    "person", "someone", "something", "anything", "other", "some", "more", "most", "being", "doing", "will", "would",
    "could", "should", "can", "may", "look", "looks", "like", "appear", "appears", "scene", "visible", "not",
))  # fmt: skip
"""Words that name nothing."""


class AcceptedQuestions:
    """Keeps rows, and remembers the questions that can be moved.

    Args:
        items: all items.
        keep: writes a conversation.
    """

    def __init__(self, items: Sequence[Item], keep: Callable[[Row], None]) -> None:
        self._places = {(item.origin.file, item.origin.row): place for place, item in enumerate(items)}
        self._keep = keep
        self.found: list[tuple[int, str]] = []
        """Place of each question's item, and the question."""

    def keep(self, row: Row) -> None:
        """Write a conversation."""
        self._keep(row)
        if row["kind"] in MOVABLE:
            place = self._places[row["origin"]["file"], row["origin"]["row"]]
            self.found.append((place, row["messages"][0]["content"]))


def swapped_examples(
    items: Sequence[Item], questions: Sequence[tuple[int, str]], seed: int
) -> Iterator[Row]:
    """Unanswerable examples, one per question at most; no item gets a question that it has been asked.

    Args:
        items: all items.
        questions: each with the place of its item among `items`.
        seed: decides which item gets which question.
    """
    words = [_words(known_text(item)) for item in items]
    made = 0
    own = {(place, question.casefold()) for place, question in questions}
    for number, (place, question) in enumerate(questions):
        asked = _words(question)
        if not asked & words[place]:
            continue
        for other in _draws(seed, number, len(items)):
            if (other, question.casefold()) not in own and _fits(asked, other, place, items, words):
                made += 1
                yield _example(items[other], items[place], question, made, seed)
                break


def _fits(asked: set[str], target: int, place: int, items: Sequence[Item], words: list[set[str]]) -> bool:
    same_medium = medium_of(items[target]) == medium_of(items[place])
    return target != place and same_medium and bool(words[target]) and not asked & words[target]


def _words(text: str) -> set[str]:
    """Content words, without endings of the plural."""
    found = (word.casefold() for word in _WORD.findall(text))
    return {word.rstrip("s") for word in found if word not in _COMMON}


def _draws(seed: int, number: int, count: int) -> Iterator[int]:
    for attempt in range(TRIES):
        digest = hashlib.sha256(f"{seed}/swap/{number}/{attempt}".encode()).digest()
        yield int.from_bytes(digest[:8], "big") % count


def _example(item: Item, other: Item, question: str, number: int, seed: int) -> Row:
    digest = hashlib.sha256(f"{seed}/answer/{number}".encode()).digest()
    medium = medium_of(item)
    answer = answer_about(ANSWERS[digest[0] % len(ANSWERS)], medium)
    return {
        "id": f"{item.id}/{KIND}/{number}",
        **{modality: list(names) for modality, names in item.media.items() if names},
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "kind": KIND,
        **known_of(item),
        **({"split": item.split} if item.split else {}),
        "origin": {"file": item.origin.file, "row": item.origin.row, "question_of": other.id},
    }
