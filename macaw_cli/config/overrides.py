"""`--set a.b=c` and the options of a command: laid over what `macaw.yaml` says, and named where they are wrong."""

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import yaml
from pydantic import BeforeValidator

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.setting_types import ShortForm
from macaw_cli.config.settings import Settings

SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in a tree of plain values; a section's short form keeps what else the section says.

    Raises:
        UsageError: it is not of that form.
    """
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise UsageError(f"--set takes key=value, found {override!r}.", "For example: --set training.epochs=2")
    *sections, last = key.split(".")
    kind: type | None = Settings
    for section in sections:
        kind, short = _section(kind, section)
        below = tree.get(section)
        if isinstance(below, str) and short:
            below = {short: below}
        tree[section] = below if isinstance(below, dict) else {}
        tree = tree[section]
    value, short = _value(text), _section(kind, last)[1]
    if short and isinstance(value, str) and isinstance(tree.get(last), dict):
        value = {**tree[last], short: value}
    tree[last] = value


def origin_of(key: str, file: str, typed: Mapping[str, str]) -> str:
    """Where the value of a key comes from, as a message names it.

    Args:
        key: dotted; a section where the values of several keys do not go together.
        file: where it comes from when nothing was typed; empty where there is no file.
        typed: dotted key of each override to how it was typed.
    """
    above = [words for name, words in typed.items() if f"{key}.".startswith(f"{name}.")]
    if above:
        return above[-1]
    below = " ".join(words for name, words in typed.items() if name.startswith(f"{key}."))
    return " with ".join(part for part in (file, below) if part) or "the settings"


@cache
def _section(kind: type | None, key: str) -> tuple[type | None, str | None]:
    """The class of the section `key`, and what its short form sets; None for what there is not."""
    hint = get_type_hints(kind, include_extras=True).get(key) if kind else None
    section, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    forms = [extra.func for extra in extras if isinstance(extra, BeforeValidator)]
    shorts = [form.key for form in forms if isinstance(form, ShortForm)]
    return (section if is_dataclass(section) else None), next(iter(shorts), None)  # type: ignore[return-value]


def _value(text: str) -> Any:
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        raise UsageError(f"--set takes a value as in YAML, found {text!r}.", "Put it in quotes.") from None
    # YAML 1.1 reads `3e-5` as text; a person means the number
    return float(value) if isinstance(value, str) and SCIENTIFIC.fullmatch(text) else value
