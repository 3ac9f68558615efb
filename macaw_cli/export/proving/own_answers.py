"""What somebody does who only has an exported folder of macaw's: load it, and ask it about raw media.

`python -m macaw_cli.export.proving.own_answers FOLDER SCRATCH` is the fresh process of the proof of `--format hf`.
"""

import sys
from typing import Any

from macaw_cli.export.proving.answers import Answer, answered
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answer_all
from macaw_cli.modalities.table import TABLE


def main(folder: str, scratch: str) -> None:
    """Answer the examples in `scratch`."""
    from macaw_cli import MacawForConditionalGeneration, MacawProcessor

    model = MacawForConditionalGeneration.from_pretrained(folder).eval()
    processor = MacawProcessor.from_pretrained(folder)

    def answer(example: ProofExample) -> Answer:
        media: dict[str, list[Any]] = {}
        for modality, medium in example.media:
            media.setdefault(TABLE[modality].processor_keyword, []).append(medium)
        return answered(model, processor(list(example.messages), **media))

    answer_all(scratch, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
