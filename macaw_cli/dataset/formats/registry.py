"""Every format of `--source FORMAT:PATH`.

A new one: write a small file with a function from one parsed row to a canonical one, and add a line here.
"""

from collections.abc import Callable
from typing import Any

from macaw_cli.dataset.formats.alpaca import from_alpaca
from macaw_cli.dataset.formats.canonical import from_canonical
from macaw_cli.dataset.formats.llava import from_llava

FORMATS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "jsonl": from_canonical,
    "alpaca": from_alpaca,
    "llava": from_llava,
}
"""Name to a function from one row to a canonical row; it raises InputError with the reason for a reject."""
