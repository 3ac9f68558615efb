"""`/set`: settings of a conversation that can be changed while it goes on."""

from dataclasses import asdict, fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import cut
from macaw_cli.config.chat_settings import SAMPLING, ChatSettings
from macaw_cli.inference.conversations import LONGEST_ANSWER

FIXED = ("device", "system", "history", "batch_size", "max_reject_ratio")
"""Of `ChatSettings`, those that are not changed by `/set`."""
CHANGEABLE = (*(one.name for one in fields(ChatSettings) if one.name not in FIXED), "seed")
UNSET_MEANS = {
    "max_new_tokens": f"as the model's generation_config says, else {LONGEST_ANSWER}",
    "constraint": "none (number or integer: the answer can only be one)",
}
"""What settings mean without a value, where it is not what the model's `generation_config` says."""
UNSET = ("default", "null", "none")
"""Values that give a setting back to the model's `generation_config`."""


def changed(settings: ChatSettings, seed: int, typed: str) -> tuple[ChatSettings, int, str]:
    """The settings and the seed after `/set NAME VALUE`, and the name.

    Greedy decoding (`temperature 0`) drops what only means something where tokens are sampled.

    Raises:
        InputError: no such setting, or not a value of it.
    """
    name, _, value = typed.replace("=", " ", 1).partition(" ")
    name, value = name.removeprefix("chat."), value.strip()
    if name not in CHANGEABLE:
        close = [known for known in CHANGEABLE if name and known.startswith(name)] or closest(name, CHANGEABLE)
        near = f" (did you mean {close[0]}?)" if close else ""
        raise InputError(f"There is no setting {cut(name)}{near}.", f"There are {', '.join(CHANGEABLE)}.")
    if not value:
        raise InputError(f"/set {name} needs a value.", f"For example: /set {name} {_example(settings, seed, name)}")
    if name == "seed":
        return settings, _seed(value), name
    given: dict[str, Any] = asdict(settings) | {name: None if value.lower() in UNSET else value}
    try:
        new = TypeAdapter(ChatSettings).validate_python(_for_greedy(given))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ").partition(", unable to")[0]
        raise InputError(f"{name} cannot be {cut(value)}: {reason}.", "/set shows all settings.") from None
    return new, seed, name


def shown_settings(settings: ChatSettings, seed: int) -> list[str]:
    """The changeable settings, one a line."""
    return [f"{name:22}{shown_value(settings, seed, name)}" for name in CHANGEABLE]


def shown_value(settings: ChatSettings, seed: int, name: str) -> str:
    """The value of a setting in words."""
    value = seed if name == "seed" else getattr(settings, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    return UNSET_MEANS.get(name, "as the model's generation_config says") if value is None else str(value)


def _for_greedy(given: dict[str, Any]) -> dict[str, Any]:
    try:
        greedy = float(given["temperature"] or 1) == 0 or str(given["temperature"]) in ("0", "0.0")
    except ValueError:  # told by the check of all
        return given
    return given | dict.fromkeys(SAMPLING) if greedy else given


def _seed(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) >= 2**63:
        raise InputError(f"seed cannot be {cut(value)}: it must be a whole number from 0.", "For example: /set seed 1")
    return int(value)


def _example(settings: ChatSettings, seed: int, name: str) -> str:
    if name == "seed":
        return str(seed + 1)
    return "off" if isinstance(getattr(settings, name), bool) else "default"


def with_system(settings: ChatSettings, text: str) -> ChatSettings:
    """The settings with another system prompt; `none` is none."""
    return replace(settings, system="" if text.lower() == "none" else text)
