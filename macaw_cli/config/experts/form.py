"""How a conversation says what an expert has found."""

from typing import Annotated

from pydantic import AfterValidator


def _with_a_place(value: str) -> str:
    if value.count("{}") != 1:
        raise ValueError("must have {} once, where the expert's text goes")
    return value


TextForm = Annotated[str, AfterValidator(_with_a_place)]
"""A text with one `{}`."""
