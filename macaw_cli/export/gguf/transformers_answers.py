"""The fresh process that reads a GGUF file with transformers: `python -m ... FOLDER SCRATCH NAME`."""

import sys
from pathlib import Path

import torch

from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.export.gguf.reading import read_llm
from macaw_cli.export.proving.answers import last_logits
from macaw_cli.export.proving.exchange import read_arrays, save_arrays

TOLD, GIVEN, LOGITS = "reader.json", "sequences.npz", "logits.npz"
IDS, EMBEDS = "ids", "embeds"


@torch.inference_mode()
def answer(folder: str, scratch: str, name: str) -> None:
    """Logits of each sequence's last positions: of ids (T,), or of embeddings (T, D) where media stand among them."""
    place = Path(scratch)
    model = read_llm(Path(folder, name), read_object(place / TOLD, OBJECT))
    made = {}
    for key, sequence in read_arrays(place / GIVEN).items():
        kind, number = key.split("-")
        given = torch.from_numpy(sequence)[None]
        output = model(input_ids=given) if kind == IDS else model(inputs_embeds=given)
        made[number] = last_logits(output.logits[0].float().numpy())
    save_arrays(place / LOGITS, made)


if __name__ == "__main__":
    answer(*sys.argv[1:])
