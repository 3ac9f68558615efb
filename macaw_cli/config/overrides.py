"""`--set a.b=c` and the options of a command: laid over what `macaw.yaml` says, and named where they are wrong."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.yaml_text import parse_yaml
from macaw_cli.config.setting_types import ShortForm, section_classes
from macaw_cli.config.settings import Settings

SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def in_order(overrides: Iterable[str]) -> list[str]:
    """The order in which to apply them: first those that choose a variant, then the options; else as they come.

    An option of a variant that was typed is never lost because the variant was chosen after it.
    """
    return sorted(overrides, key=_choice_first)


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in a tree of plain values; a section's short form keeps what else the section says.

    Where it chooses another variant of a section, such as another bridge, the options of the variant before go.

    Raises:
        UsageError: it is not of that form.
    """
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise UsageError(f"--set takes key=value, found {shown(override)}.", "For example: --set training.epochs=2")
    *sections, last = key.split(".")
    kinds: tuple[type, ...] = (Settings,)
    form: ShortForm | None = None
    for section in sections:
        kinds, form = _section(kinds, section)
        below = tree.get(section)
        if isinstance(below, str) and form:
            below = {form.key: below}
        tree[section] = below if isinstance(below, dict) else {}
        tree = tree[section]
    value, own = _value(text), _section(kinds, last)[1]
    if own and isinstance(value, str) and isinstance(tree.get(last), dict):
        value = own.chosen(tree[last], value)
    if form and form.key == last:
        chosen = form.chosen(tree, value)
        tree.clear()
        tree.update(chosen)
    else:
        tree[last] = value


def _choice_first(override: str) -> tuple[bool, int]:
    """Sorts overrides that choose a variant to the front, those of outer sections first; the others stay in order."""
    *sections, last = override.partition("=")[0].split(".")
    kinds: tuple[type, ...] = (Settings,)
    form: ShortForm | None = None
    for section in sections:
        kinds, form = _section(kinds, section)
    if form and form.key == last:
        return False, len(sections) - 1
    return (False, len(sections)) if _section(kinds, last)[1] else (True, 0)


def refuse_unread_llm(settings: Settings, typed: Mapping[str, str]) -> None:
    """Refuse an LLM that was typed for a training that starts from a model: that model brings its own.

    Args:
        settings: the checked ones.
        typed: each override to how it was typed.

    Raises:
        UsageError: with what was typed, and the model.
    """
    words = [words for override, words in typed.items() if override.partition("=")[0] == "llm"]
    start = settings.training.start_from
    if words and settings.llm and start:
        raise UsageError(
            f"{words[-1]} chooses the LLM {settings.llm}, but training.start_from is {start}, which has its own LLM.",
            f"Leave {words[-1]} out, or train a new model: leave out --start-from, or add --set training.start_from=.",
        )


def origin_of(key: str, file: str, typed: Mapping[str, str], message: str = "") -> str:
    """Where the value of a key comes from, as a message names it.

    Args:
        key: dotted; a section where the values of several keys do not go together.
        file: where it comes from when nothing was typed; empty where there is no file.
        typed: dotted key of each override to how it was typed.
        message: what is wrong; of a section those of its keys count that stand in it.
    """
    above = [words for name, words in typed.items() if f"{key}.".startswith(f"{name}.")]
    if above:
        return above[-1]
    named = set(re.findall(rf"\b{re.escape(key)}\.[a-z_]+(?:\.[a-z_]+)*", message))
    if named and named <= typed.keys():
        file = ""
    told = [words for name, words in typed.items() if name.startswith(f"{key}.") and (name in named or not named)]
    below = ", ".join(dict.fromkeys(told))
    return ", together with ".join(part for part in (below, file) if part) or "the settings"


@cache
def _section(kinds: tuple[type, ...], key: str) -> tuple[tuple[type, ...], ShortForm | None]:
    """The classes that the section `key` may have, and its short form; none for what there is not."""
    hints = (get_type_hints(kind, include_extras=True) for kind in kinds)
    hint = next((own[key] for own in hints if key in own), None)
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    forms = [extra.func for extra in extras if isinstance(extra, BeforeValidator)]
    found = next((form for form in forms if isinstance(form, ShortForm)), None)
    return tuple(section_classes(hint)), found


def _value(text: str) -> Any:
    try:
        value = parse_yaml(text, "the value") if text else ""
    except InputError:
        raise UsageError(f"--set takes a value as in YAML, found {shown(text)}.", "Put it in quotes.") from None
    # YAML 1.1 reads `3e-5` as text; a person means the number
    return float(value) if isinstance(value, str) and SCIENTIFIC.fullmatch(text) else value
