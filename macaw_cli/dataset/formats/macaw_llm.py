"""`macaw-llm:` the rows that Macaw-LLM published: `{"data": [{"id", "instruction", "response"}, ...]}`.

The id names the medium: an image by its file name, a video (of Charades) by its key, which is the name without `.mp4`.
"""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.alpaca import from_alpaca
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.modalities.table import MODALITIES


def from_macaw_llm(row: dict[str, Any]) -> dict[str, Any]:
    """One published row as a canonical one.

    Raises:
        InputError: a key is missing, or the id names no medium.
    """
    if not isinstance(row.get("id"), str) or "response" not in row:
        raise InputError(f"needs `id`, `instruction` and `response`, found {sorted(row)}")
    converted = from_alpaca(row)
    if not any(converted.get(modality) for modality in MODALITIES):
        raise InputError(f"the id {row['id']!r:.60} names no image, audio or video by its extension")
    return converted


def _looks_like(file: Beginning) -> bool:
    return {"id", "instruction", "response"} <= file.row.keys()


MACAW_LLM = Format(
    name="macaw-llm",
    summary='the data that Macaw-LLM published: `{"data": [{"id", "instruction", "response"}]}`, media named by the id',
    read=of_json(from_macaw_llm),
    looks_like=_looks_like,
)
