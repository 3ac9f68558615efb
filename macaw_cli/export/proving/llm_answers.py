"""What a program does that has the LLM alone: the stock class of transformers is given embeddings.

`python -m macaw_cli.export.proving.llm_answers FOLDER SCRATCH ENDS...` is the fresh process of the proof of
`--format llm`.
"""

import sys
from pathlib import Path
from typing import Any

from macaw_cli.export.proving.answers import Answer, answered_from_embeds
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answer_all
from macaw_cli.modalities.table import TABLE


def main(folder: str, scratch: str, *ends: str) -> None:
    """Answer the examples in `scratch`.

    Args:
        folder: the exported folder.
        scratch: of the examples.
        *ends: the tokens at which the source ends an answer.
    """
    from transformers import AutoModelForCausalLM

    from macaw_cli import MediaEmbedder

    llm = AutoModelForCausalLM.from_pretrained(folder).eval()
    embedder, processor = MediaEmbedder.load(Path(folder))

    def answer(example: ProofExample) -> Answer:
        media: dict[str, list[Any]] = {}
        for modality, medium in example.media:
            media.setdefault(TABLE[modality].processor_keyword, []).append(medium)
        embeds = embedder.prompt_embeds(processor(list(example.messages), **media))
        return answered_from_embeds(llm, embeds, [int(token) for token in ends])

    answer_all(scratch, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
