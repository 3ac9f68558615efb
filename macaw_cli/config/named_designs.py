"""Settings that are one of several designs, chosen by name: refused names, and what a saved model holds."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic_core import PydanticCustomError

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.config.saved_settings import saved_settings

SHORTEST = 4
"""Letters and digits that tell a paper's name."""


def require_design(name: Any, designs: Mapping[str, Any], key: str = "name") -> None:
    """Refuse a name that no design has, with the nearest one, or those from the paper of that name.

    Args:
        name: what was given.
        designs: by name; what other packages add is among them where they are installed.
        key: of the name in its section.

    Raises:
        PydanticCustomError: which the settings tell with the dotted key.
    """
    if not isinstance(name, str) or name not in designs:
        text = str(name)
        close = closest(text, designs, likeness=0.8) or of_paper(text, designs) or closest(text, designs)
        meant = f"did you mean {' or '.join(f'`{one}`' for one in close)}, or " if close else ""
        hint = f" ({meant}is the package that adds it missing?)"  # a name of another package may be near one of ours
        words = f"must be one of {', '.join(f'`{known}`' for known in designs)}, found {shown(name)}{hint}"
        raise PydanticCustomError("unknown_variant", "{words}", {"words": words, "key": key})


def of_paper(name: str, designs: Mapping[str, Any]) -> list[str]:
    """The designs that come from a paper or model of this name: the first lines of their settings end with these.

    Args:
        name: such as `flamingo`, in any spelling of case and punctuation; shorter than `SHORTEST` it names nothing.
        designs: by name, to their settings.
    """
    wanted = _letters(name)
    if len(wanted) < SHORTEST:
        return []
    found = []
    for one, kind in designs.items():
        papers = re.search(r"\(([^()]*)\)\.?$", (kind.__doc__ or "").partition("\n")[0])
        if papers and any(wanted in _letters(part) for part in papers[1].split(",")):
            found.append(one)
    return found


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def saved_design(what: str, name: Any, options: Mapping[str, Any], designs: Mapping[str, Any]) -> Any:
    """Settings of one design from plain values, as a model's configuration holds them.

    Args:
        what: kind of design, as in "the bridge".
        name: of the design.
        options: its settings; absent ones have their defaults.
        designs: name to settings class.

    Raises:
        MismatchError: no such design or option, as in a model that a newer macaw saved, or an impossible value.
    """
    if not isinstance(name, str):
        raise MismatchError(f"The name of the {what} must be text, found {shown(name)}.", "Restore it from a copy.")
    known = [one.name for one in fields(designs[name])] if name in designs else []
    unknown = sorted(set(options) - set(known))
    if not known or unknown:
        told = f"the option {unknown[0]} of the {what} {name}" if known else f"the {what} {name}"
        hint = "Use the macaw that saved the model, or a newer one, with the packages that were installed then."
        raise MismatchError(f"This macaw does not know {cut(told)}.", hint)
    return saved_settings(designs[name], options, f"the {what} {name}")
