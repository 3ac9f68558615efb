"""Multiple choice with lettered options: how it is asked, and which letter an answer means."""

import string
from collections.abc import Sequence

LETTERS = string.ascii_uppercase
_AMONG_LAST = 5
"""Words of an answer among which the letter must stand: in a longer one `A` is mostly an article."""


def with_options(question: str, options: Sequence[str], hint: str = "") -> str:
    """Hint, question and options, a line each.

    Args:
        question: what is asked.
        options: the texts of the options.
        hint: what is told before; empty where nothing is.
    """
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False)]
    return "\n".join([*([hint] if hint else []), question, *lines])


def chosen_letter(answer: str, options: Sequence[str]) -> str:
    """The letter that an answer means, as VLMEvalKit's exact matching finds it; empty where it means none or several.

    It is the only letter among the words of the answer and stands among the last five of them; else the only option
    whose text is in an answer that is at most twice as long as all options.

    Args:
        answer: of a model.
        options: the texts of the options.
    """
    words = "".join(" " if letter in ".()[],:;!*#{}" else letter for letter in answer).split()
    letters = LETTERS[: len(options)]
    found = [letter for letter in letters if letter in words]
    if len(found) == 1 and words.index(found[0]) > len(words) - _AMONG_LAST:
        return found[0]
    said = answer.lower()
    if len(said) > 2 * sum(map(len, options)):
        return ""
    named = [letter for letter, text in zip(letters, options, strict=True) if text.lower() in said]
    return named[0] if len(named) == 1 else ""
