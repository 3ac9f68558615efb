"""The fresh process that runs GGUF files in llama.cpp: `python -m ... FOLDER SCRATCH LLM PROJECTOR`."""

import sys
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, FLAG, TEXT, Fields, list_of
from macaw_cli.export.gguf.llama_cpp import LlamaCpp
from macaw_cli.export.proving.exchange import read_arrays, save_arrays

REQUESTS, MEDIA, SAID, ARRAYS = "requests.json", "media.npz", "said.json", "arrays.npz"
_REQUESTS = list_of(
    Fields({"text": TEXT, "beginning": FLAG, "ids": list_of(COUNT), "count": COUNT, "positions": COUNT})
)
LONGEST = 8192
"""Positions of the context at most."""


def answer(folder: str, scratch: str, llm: str, projector: str = "") -> None:
    """For each request the ids of its prompt, greedy tokens, logits where there are no media, and soft tokens."""
    place = Path(scratch)
    requests, media = read_object(place / REQUESTS, _REQUESTS), read_arrays(place / MEDIA)
    longest = min(LONGEST, max(request["positions"] for request in requests))
    loaded = LlamaCpp(Path(folder, llm), Path(folder, projector) if projector else None, longest)
    said: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for number, request in enumerate(requests):
        if (medium := media.get(str(number))) is not None:
            prompt, made = loaded.answer(request["text"], [medium], request["count"])
            arrays[f"soft-{number}"] = loaded.embeddings(medium)
        else:
            prompt = [loaded.ids(request["text"], special=True, beginning=request["beginning"])]
            made = loaded.greedy(prompt[0], request["count"])
            arrays[f"logits-{number}"] = loaded.logits(request["ids"])
        said.append({"prompt": prompt, "answer": made})
    save_arrays(place / ARRAYS, arrays)
    write_json(place / SAID, said)


if __name__ == "__main__":
    answer(*sys.argv[1:])
