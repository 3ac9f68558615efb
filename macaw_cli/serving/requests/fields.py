"""Fields of a request's JSON, one by one: the value, or an error that names the field."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.serving.api_errors import ApiError

_SHOWN = 60
_LARGEST = 1 << 53
"""Whole numbers beyond it are not the same in all JSON parsers."""


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a request's body holds.

    Raises:
        ApiError: it is no JSON object, or its lists and objects are too deep in each other.
    """
    try:
        value = parse_json(body, "The body")
    except InputError:
        raise ApiError("The body is not a JSON object.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise ApiError("The body is not a JSON object.", code="invalid_json")
    return value


class Fields:
    """Reads the fields of one object; a field that is null counts as not given, as with OpenAI.

    Args:
        values: the object.
        place: where it stands in the request, such as `messages[0]`; empty for the request itself.
    """

    def __init__(self, values: Any, place: str = "") -> None:
        if not isinstance(values, dict):
            raise ApiError(f"{place or 'The body'} must be an object.", param=place or None, code="invalid_type")
        self.values: Mapping[str, Any] = values
        self.place = place

    def at(self, name: str) -> str:
        """The whole name of a field."""
        return f"{self.place}.{name}" if self.place else name

    def get(self, name: str) -> Any:
        """The value as it is."""
        return self.values.get(name)

    def require_known(self, known: Collection[str]) -> None:
        """Refuse fields that the API does not have.

        Raises:
            ApiError: with the first of them.
        """
        for name in self.values:
            if name not in known:
                raise ApiError(f"Unknown parameter: {_shown(name)}.", param=name[:_SHOWN], code="unknown_parameter")

    def flag(self, name: str) -> bool:
        """A truth value; false where it is not given."""
        value = self.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def integer(self, name: str, low: int, high: int = _LARGEST) -> int | None:
        """A whole number within bounds."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, float) and math.isfinite(value) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "a whole number")
        if not low <= value <= high:
            bounds = f"from {low} to {high}" if high != _LARGEST else f"at least {low}"
            raise self.out_of_range(name, bounds, "integer", above=value > high)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number within bounds."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(name, "a number")
        if not low <= value <= high:  # also refuses NaN
            raise self.out_of_range(name, f"from {low:g} to {high:g}", "decimal", above=value > high)
        return float(value)

    def text(self, name: str) -> str | None:
        """A text that can be written as UTF-8."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return self.encodable(name, value)

    def array(self, name: str) -> list[Any]:
        """A list; empty where it is not given."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "an array")
        return value

    def encodable(self, name: str, text: str) -> str:
        """The text, unless halves of characters stand in it, which JSON can spell and UTF-8 cannot."""
        if any("\ud800" <= letter <= "\udfff" for letter in text) if not text.isascii() else False:
            raise self.wrong(name, "text without unpaired surrogates")
        return text

    def wrong(self, name: str, expected: str) -> ApiError:
        """The error for a value of another type."""
        return ApiError(f"{self.at(name)} must be {expected}.", param=self.at(name), code="invalid_type")

    def out_of_range(self, name: str, expected: str, kind: str, *, above: bool) -> ApiError:
        """The error for a number that is too large or too small; `kind` is OpenAI's `integer` or `decimal`."""
        code = f"{kind}_above_max_value" if above else f"{kind}_below_min_value"
        return ApiError(f"{self.at(name)} must be {expected}.", param=self.at(name), code=code)

    def unsupported(self, name: str, instead: str = "Leave it out.") -> ApiError:
        """The error for what OpenAI has and this server does not."""
        message = f"{self.at(name)} is not supported by this server. {instead}"
        return ApiError(message, param=self.at(name), code="unsupported_parameter")


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
