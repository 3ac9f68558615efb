"""Options with a form of their own: a value that may be left out (`--generate 10`), and pairs (`yes-no=5000,...`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.yaml_text import parse_yaml


def with_values(words: Sequence[str], option: str, default: str) -> list[str]:
    """The words of a command with the value of an option filled in where it is left out.

    Args:
        words: as typed, without the command's own name.
        option: such as `--generate`.
        default: the value that it gets when a word follows that is not a number, or none.
    """
    filled: list[str] = []
    for place, word in enumerate(words):
        filled.append(word)
        if word == "--":
            return [*filled, *words[place + 1 :]]
        if word == option and not (place + 1 < len(words) and words[place + 1].lstrip("+-").isdecimal()):
            filled.append(default)
    return filled


def numbers_by_name(text: str, option: str) -> dict[str, int]:
    """`name=5000,other=2000` as a mapping.

    Raises:
        UsageError: it is not of that form.
    """
    found: dict[str, int] = {}
    if not text.strip(" ,"):
        raise UsageError(f"{option} is empty.", f"For example: {option} yes-no=5000,description=2000")
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = pair.partition("=")
        digits = number.strip().replace("_", "")
        if not equals or not name.strip() or not digits.isascii() or not digits.isdecimal() or len(digits) > 12:
            raise UsageError(
                f"{option} takes KIND=N separated by commas, found {shown(pair)}.",
                f"For example: {option} yes-no=5000,description=2000",
            )
        if name.strip() in found:
            raise UsageError(f"{option} names {shown(name.strip())} twice.", "Give it once.")
        found[name.strip()] = int(digits)
    return found


def listed(text: str, option: str) -> list[Any]:
    """A YAML list without its brackets, such as `transcript,{name: tags, labels: labels.txt}`.

    Raises:
        UsageError: it is not of that form.
    """
    example = f"For example: {option} 'transcript,{{name: tags, labels: labels.txt}}'"
    if not text.strip(" ,"):
        raise UsageError(f"{option} is empty.", example)
    found = parse_yaml(f"[{text}]", option, UsageError, example)
    if not isinstance(found, list) or not all(isinstance(one, str | Mapping) and one for one in found):
        raise UsageError(f"{option} takes names and mappings separated by commas, found {shown(text)}.", example)
    return found


def names_of(text: str | None, option: str, example: str) -> list[str]:
    """`image,series` as a list; none where the option was not given.

    Args:
        text: its value; None where it was not given.
        option: such as `--modalities`.
        example: a value that it may have.

    Raises:
        UsageError: it was given and names nothing.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if text is not None and not names:
        raise UsageError(f"{option} is empty.", f"For example: {option} {example}, or leave it out.")
    return names


def require_none(given: Mapping[str, object], needed: str) -> None:
    """Refuse options that mean nothing without another one.

    Args:
        given: option to its value; None where it was not given.
        needed: the other option.

    Raises:
        UsageError: with the first that was given.
    """
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} belongs to {needed}.", f"Add {needed}, or leave {option} out.")
