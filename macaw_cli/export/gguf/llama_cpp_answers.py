"""The fresh process that runs GGUF files in llama.cpp: `python -m ... FOLDER SCRATCH LLM PROJECTOR`."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.export.gguf.llama_cpp import LlamaCpp

REQUESTS, MEDIA, SAID, ARRAYS = "requests.json", "media.npz", "said.json", "arrays.npz"
LONGEST = 8192
"""Positions of the context at most."""


def answer(folder: str, scratch: str, llm: str, projector: str = "") -> None:
    """For each request the ids of its prompt, greedy tokens, logits where there are no media, and soft tokens."""
    requests = json.loads(Path(scratch, REQUESTS).read_text(encoding="utf-8"))
    longest = min(LONGEST, max(request["positions"] for request in requests))
    loaded = LlamaCpp(Path(folder, llm), Path(folder, projector) if projector else None, longest)
    said: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    with np.load(Path(scratch, MEDIA), allow_pickle=False) as media:
        for number, request in enumerate(requests):
            if str(number) in media.files:
                medium = media[str(number)]
                prompt, made = loaded.answer(request["text"], [medium], request["count"])
                arrays[f"soft-{number}"] = loaded.embeddings(medium)
            else:
                prompt = [loaded.ids(request["text"], special=True, beginning=request["beginning"])]
                made = loaded.greedy(prompt[0], request["count"])
                arrays[f"logits-{number}"] = loaded.logits(request["ids"])
            said.append({"prompt": prompt, "answer": made})
    np.savez(Path(scratch, ARRAYS), **arrays)
    Path(scratch, SAID).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    answer(*sys.argv[1:])
