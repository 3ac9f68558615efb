"""Rows of a table, whose columns are mapped to the parts of a conversation: what csv, parquet and hf share."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.alpaca import from_alpaca
from macaw_cli.dataset.formats.canonical import from_canonical
from macaw_cli.dataset.formats.llava import from_llava
from macaw_cli.dataset.formats.openai_chat import from_openai, holds_media_parts
from macaw_cli.dataset.formats.sharegpt import from_sharegpt
from macaw_cli.modalities.table import MODALITIES

MAPPING: dict[str, str] = {
    **{modality: f"column with the name of the {modality} file" for modality in MODALITIES},
    "question": "column with the question, or the question itself",
    "answer": "column with the answer",
    "caption": "column with a caption or a list of them, in place of question and answer",
    "transcript": "column with what is said, beside a caption",
    "choices": "column with the possible answers, or the answers themselves: a list, or `a|b|c`",
    "system": "column with the system prompt, or the prompt itself",
    "kind": "column with the kind of the question, or the kind itself",
    "split": "column with `train` or `val`",
    "id": "column with the row's id",
}
"""Options of every table."""
LITERAL = ("question", "choices", "system", "kind")
"""What may be a text for all rows where no column has that name."""
Convert = Callable[[dict[str, Any]], dict[str, Any]]


def converter(columns: Sequence[str], options: Mapping[str, str], where: str) -> Convert:
    """From a row of a table to a canonical row.

    Without options a table that has the columns of a known format (`messages`, `conversations`, `instruction` and
    `output`) is read as such rows; else every column with the name of an option is taken as that.

    Args:
        columns: their names.
        options: of the source; those of `MAPPING` are read.
        where: the table, for messages.

    Raises:
        InputError: a column is not there, or none has answers.
    """
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{where} has the column {twice[0]!r} twice.", "Give each column a name of its own.")
    chosen = {name: value for name, value in options.items() if name in MAPPING}
    if not chosen and (known := _of_known_format(columns)):
        return lambda row: known(_without_nulls(_plain_media(_as_json(row))))
    listed = ", ".join(columns)
    for name, value in chosen.items():
        if value not in columns and name not in LITERAL:
            raise InputError(f"{where} has no column {value!r} for `{name}`.", f"Its columns: {listed}.")
    mapping = {name: name for name in MAPPING if name in columns} | chosen
    if "captions" in columns:
        mapping.setdefault("caption", "captions")
    if "answer" not in mapping and "caption" not in mapping:
        raise InputError(
            f"{where} has no column that is named `answer` or `caption`.",
            f"Say which one holds the answers: ?answer=COLUMN. Its columns: {listed}.",
        )
    if "caption" not in mapping and "question" not in mapping:
        raise InputError(
            f"{where} has no column that is named `question`.",
            f"Name the column or write the question: ?question=What is it? Its columns: {listed}.",
        )
    return lambda row: _mapped(_as_json(row), mapping)


def _of_known_format(columns: Sequence[str]) -> Convert | None:
    if "messages" in columns:
        return lambda row: (from_openai if holds_media_parts(row.get("messages")) else from_canonical)(row)
    if "conversations" in columns:
        return from_llava if any(modality in columns for modality in MODALITIES) else from_sharegpt
    return from_alpaca if {"instruction", "output"} <= set(columns) else None


def _mapped(row: dict[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    values = {name: row.get(column, column) for name, column in mapping.items()}
    found: dict[str, Any] = {
        modality: _media(values[modality]) for modality in MODALITIES if not _is_empty(values.get(modality))
    }
    for name in ("id", "kind", "split"):
        if not _is_empty(values.get(name)):
            found[name] = _text(values[name], name)
    if "answer" not in values or _is_empty(values["answer"]):
        if "caption" not in values or _is_empty(values["caption"]):
            raise InputError(f"the column {mapping.get('answer', mapping.get('caption'))!r} is empty")
        captions = values["caption"] if isinstance(values["caption"], list) else [_text(values["caption"], "caption")]
        if not _is_empty(values.get("transcript")):
            found["transcript"] = _text(values["transcript"], "transcript")
        return {**found, "captions": captions}
    if _is_empty(values.get("question")):
        raise InputError(f"the column {mapping.get('question', 'question')!r} is empty")
    roles = [("system", "system"), ("user", "question"), ("assistant", "answer")]
    messages = [
        {"role": role, "content": _text(values[name], name)} for role, name in roles if not _is_empty(values.get(name))
    ]
    if not _is_empty(values.get("choices")):
        choices = values["choices"]
        found["choices"] = choices if isinstance(choices, list) else [one.strip() for one in str(choices).split("|")]
    return {**found, "messages": messages}


def _is_empty(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"`{name}` must be text, found {shown(value, 60)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"`{name}` is {value}: NaN and infinite values are refused")
    return str(int(value) if value == int(value) else value)


def _is_null(value: Any) -> bool:
    """NaN is how pandas writes a missing value."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _as_json(value: Any) -> Any:
    """Dates, times and decimal numbers as text. Bytes stay, which only a medium may be."""
    if isinstance(value, dict):
        return {key: _as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_as_json, value))
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | timedelta | UUID) else value


def _plain_media(row: dict[str, Any]) -> dict[str, Any]:
    keys = {*MODALITIES, *(f"{modality}s" for modality in MODALITIES)}
    return {key: _media(value) if key in keys and value is not None else value for key, value in row.items()}


def _without_nulls(value: Any) -> Any:
    """Tables have every key in every row: one without a value is as a missing one."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if not _is_null(one)}
    return list(map(_without_nulls, value)) if isinstance(value, list) else value


def _media(value: Any) -> list[Any]:
    """Names of media; one that is in the row itself is known by its content, as in the feature store."""
    return [_name(one) for one in (value if isinstance(value, list) else [value]) if one is not None]


def _name(value: Any) -> Any:
    if isinstance(value, bytes):
        value = {"bytes": value}
    if isinstance(value, dict):
        if isinstance(value.get("bytes"), bytes):
            return hashlib.sha256(value["bytes"]).hexdigest()[:32]
        return value.get("path")
    return value
