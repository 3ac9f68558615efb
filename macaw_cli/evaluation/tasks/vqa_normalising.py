"""Answers of VQA made alike before they are compared, and their soft accuracy, as the official script has both.

Source: Antol et al., arXiv 1505.00468, section 3, and the rules on visualqa.org/evaluation.html. The official script
has habits that decide points, and they are kept: nothing is normalised where all ten people said the same; a
punctuation mark vanishes where it stands beside a space anywhere in the answer, or where the answer has a number with
a thousands comma, and else becomes a space.
"""

import re
from collections.abc import Sequence

PUNCTUATION = ";/[]\"{}()=+\\_-><@`,?!"
NUMBERS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
ARTICLES = frozenset(("a", "an", "the"))
_CONTRACTED = (
    "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've"
    " he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't"
    " not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll"
    " somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd"
    " there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll"
    " what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's"
    " won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've"
)
CONTRACTIONS = {
    word[:at] + word[at + 1 :]: word
    for word in _CONTRACTED.split() for at, letter in enumerate(word) if letter == "'"
} | {"somebody'd": "somebodyd"}  # fmt: skip
"""A contraction that lacks one of its apostrophes to the right one; the last is an oddity of the official list."""
_THOUSANDS = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_MOST_PERIODS = 32
"""Of one answer that the official script removes."""


def soft_accuracy(answer: str, given: Sequence[str]) -> float:
    """min(1, matches / 3), averaged over the subsets that leave one person out.

    Args:
        answer: of the model.
        given: the answers of the people, usually ten; at least one.
    """
    answer, people = _plain(answer), [_plain(one) for one in given]
    if len(set(people)) > 1:
        answer, people = normalised(answer), [normalised(one) for one in people]
    matches = [one.lower() == answer.lower() for one in people]
    return sum(min(1.0, (sum(matches) - match) / 3) for match in matches) / len(people)


def normalised(answer: str) -> str:
    """An answer with the official rules of punctuation, numbers, articles and contractions applied."""
    words = [NUMBERS.get(word, word) for word in _without_punctuation(answer).lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def _plain(answer: str) -> str:
    return answer.replace("\n", " ").replace("\t", " ").strip()


def _without_punctuation(answer: str) -> str:
    thousands, found = bool(_THOUSANDS.search(answer)), answer
    for mark in PUNCTUATION:
        beside_space = f"{mark} " in answer or f" {mark}" in answer
        found = found.replace(mark, "" if thousands or beside_space else " ")
    return _PERIOD.sub("", found, count=_MOST_PERIODS)
