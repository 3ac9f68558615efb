"""Settings that a saved model holds as plain values, checked as those of `macaw.yaml` are."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.shown_text import cut, shown

T = TypeVar("T")


def saved_settings(settings: type[T], saved: Mapping[str, Any], what: str) -> T:
    """Settings from plain values; absent ones have their defaults.

    Args:
        settings: their class.
        saved: name to value.
        what: they are, at the beginning of the message, such as "the bridge mlp".

    Raises:
        MismatchError: an option that is not known, as in a model of a newer macaw, or a value that is none.
    """
    try:
        made: T = _adapter(cast(Any, settings)).validate_python(saved)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise MismatchError(
            f"The model's config.json holds `{cut(key)}: {shown(first['input'])}` for {what}: "
            f"{cut(first['msg'])}.",
            "Restore it from a copy, or use the macaw that saved the model.",
        ) from None
    return made


@cache
def _adapter(settings: Any) -> TypeAdapter[Any]:
    return TypeAdapter(settings)
