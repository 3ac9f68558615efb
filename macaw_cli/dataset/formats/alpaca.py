"""`alpaca:` rows of instruction, optional input, and output; and the rows that Macaw-LLM published.

Rows may have a `system` prompt and a `history` of earlier questions with their answers, as LLaMA-Factory's have. The
published rows are `{"id", "instruction", "response"}`. Their id names the medium: an image by its file name, a
video (of Charades) by its key, which is the file name without `.mp4`.
"""

from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.formats.system_key import system_message
from macaw_cli.media.kinds import modality_of_name
from macaw_cli.modalities.table import MODALITIES

EARLIER = ("system", "history")
"""Keys of what was said before."""


def from_alpaca(row: dict[str, Any]) -> dict[str, Any]:
    """One instruction and its answer as a conversation; media lists, `kind`, `choices` and other keys stay.

    Raises:
        InputError: instruction or answer are missing, or `system` or `history` are of another form.
    """
    answer_key = "response" if "response" in row else "output"
    instruction, answer, context = row.get("instruction"), row.get(answer_key), row.get("input") or ""
    if not all(isinstance(text, str) for text in (instruction, answer, context)):
        raise InputError(f"needs text under `instruction`, `{answer_key}` and, if given, `input`; found {sorted(row)}")
    rest = {key: value for key, value in row.items() if key not in ("instruction", "input", answer_key, *EARLIER)}
    question = {"role": "user", "content": _question(instruction or "", context)}
    return {
        **rest,
        **(_named_by_id(row) if answer_key == "response" else {}),
        "messages": [*system_message(row), *_history(row), question, {"role": "assistant", "content": answer}],
    }


def _history(row: dict[str, Any]) -> list[dict[str, str]]:
    turns = row.get("history") or []
    pairs = isinstance(turns, list) and all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn) for turn in turns
    )
    if not pairs:
        raise InputError(f"`history` must be a list of [question, answer], found {turns!r:.60}")
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for turn in turns for role, text in zip(roles, turn, strict=True)]


def _question(instruction: str, context: str) -> str | list[dict[str, str]]:
    """Instruction and input stay apart as two text parts, so that the Alpaca template can give each its heading."""
    if not context.strip():
        return instruction
    return [{"type": "text", "text": instruction}, {"type": "text", "text": "\n\n" + context}]


def _named_by_id(row: dict[str, Any]) -> dict[str, list[str]]:
    if not isinstance(row.get("id"), str) or any(row.get(modality) for modality in MODALITIES):
        return {}
    name = Path(row["id"] if Path(row["id"]).suffix else f"{row['id']}.mp4")
    modality = modality_of_name(str(name))
    return {modality: [str(name)]} if modality else {}


def _looks_like(file: Beginning) -> bool:
    return "instruction" in file.row and "output" in file.row


ALPACA = Format(
    name="alpaca",
    summary="rows of `instruction`, `input` (optional) and `output`, with `system` and `history`",
    read=of_json(from_alpaca),
    looks_like=_looks_like,
)
