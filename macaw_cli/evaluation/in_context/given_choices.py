"""Possible answers that a file gives to questions that have none of their own: the likeliest one counts.

Ranking a list of answers by likelihood: Brown et al. 2020 (arXiv 2005.14165), section 2.4; for free-form questions
about images, BLIP (Li et al. 2022, arXiv 2201.12086), section 5.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.typed_rows import TEXT, list_of, mapping_of
from macaw_cli.evaluation.questions.held_out import HeldOut, kind_of

MOST_BYTES, MOST_CHOICES = 4 << 20, 1000
_LISTS = mapping_of(list_of(TEXT))
_FORM = 'Write one answer a line, or a JSON object such as {"image/*": ["red", "green"]}.'


@dataclass
class GivenChoices:
    """Lists of possible answers.

    Args:
        lists: pattern of kinds to the answers.
    """

    lists: Mapping[str, Sequence[str]]
    counts: dict[str, int] = field(default_factory=dict)
    """`questions` that got a list, and of these `unlisted`: their reference answer is not on it, so they are wrong."""

    def give(self, questions: Sequence[HeldOut]) -> None:
        """Give every question without choices the first list whose pattern matches its kind."""
        self.counts = {"questions": 0, "unlisted": 0}
        for question in questions:
            found = None if question.row.choices else self._list_of(kind_of(question.row))
            if found is not None:
                question.row = replace(question.row, choices=[*found])
                self.counts["questions"] += 1
                self.counts["unlisted"] += question.answer not in found

    def _list_of(self, kind: str) -> Sequence[str] | None:
        matching = (found for pattern, found in self.lists.items() if fnmatchcase(kind.lower(), pattern.lower()))
        return next(matching, None)


def given_choices(file: Path) -> GivenChoices:
    """Read a file of possible answers.

    Args:
        file: text with one answer a line, or a JSON object of pattern of kinds to a list of answers.

    Raises:
        InputError: it cannot be read, or has no answers, or too many.
    """
    try:
        with open_regular(file) as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{file} is larger than {MOST_BYTES >> 20} MiB.", _FORM)
    lists = {pattern: _checked(found, file) for pattern, found in _lists(content, file).items()}
    return GivenChoices(lists)


def _lists(content: bytes, file: Path) -> Mapping[str, Sequence[str]]:
    if content.lstrip().startswith(b"{"):
        found: Any = parse_json(content, str(file), hint=_FORM)
        if not _LISTS.holds(found):
            raise InputError(f"{file} is no object of lists of texts.", _FORM)
        lists: Mapping[str, Sequence[str]] = found
        return lists
    try:
        return {"*": content.decode("utf-8-sig").splitlines()}
    except UnicodeDecodeError:
        hint = "Convert it, for example with `iconv -f LATIN1 -t UTF-8`."
        raise InputError(f"{file} is not UTF-8 text.", hint) from None


def _checked(found: Sequence[str], file: Path) -> list[str]:
    answers = list(dict.fromkeys(text.strip() for text in found if text.strip()))
    if not answers:
        raise InputError(f"{file} has a list without answers.", _FORM)
    if len(answers) > MOST_CHOICES:
        raise InputError(f"{file} lists {len(answers):,} answers; {MOST_CHOICES:,} can be ranked.", "Shorten the list.")
    return answers
