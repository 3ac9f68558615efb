"""The fresh process that reads a GGUF file with transformers: `python -m ... FOLDER SCRATCH NAME`."""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from macaw_cli.export.answers import last_logits
from macaw_cli.export.gguf.reading import read_llm

TOLD, GIVEN, LOGITS = "reader.json", "sequences.npz", "logits.npz"
IDS, EMBEDS = "ids", "embeds"


@torch.inference_mode()
def answer(folder: str, scratch: str, name: str) -> None:
    """Logits of each sequence's last positions: of ids (T,), or of embeddings (T, D) where media stand among them."""
    model = read_llm(Path(folder, name), json.loads(Path(scratch, TOLD).read_text(encoding="utf-8")))
    made = {}
    with np.load(Path(scratch, GIVEN), allow_pickle=False) as content:
        for key in content.files:
            kind, number = key.split("-")
            given = torch.from_numpy(content[key])[None]
            output = model(input_ids=given) if kind == IDS else model(inputs_embeds=given)
            made[number] = last_logits(output.logits[0].float().numpy())
    np.savez(Path(scratch, LOGITS), **made)


if __name__ == "__main__":
    answer(*sys.argv[1:])
