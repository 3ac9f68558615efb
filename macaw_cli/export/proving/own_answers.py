"""What somebody does who only has an exported folder of macaw's: load it, and ask it about raw media.

`python -m macaw_cli.export.proving.own_answers FOLDER SCRATCH` is the fresh process of the proof of `--format hf`.
"""

import sys
from pathlib import Path
from typing import Any

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.export.proving.answers import Answer, answered
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answer_all
from macaw_cli.export.proving.told_examples import told_inputs
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.modalities.table import TABLE
from macaw_cli.model.model_encoders import ModelEncoders


def main(folder: str, scratch: str) -> None:
    """Answer the examples in `scratch`."""
    from macaw_cli import MacawForConditionalGeneration, MacawProcessor

    model = MacawForConditionalGeneration.from_pretrained(folder).eval()
    processor = MacawProcessor.from_pretrained(folder)

    if model.config.expert_texts:
        alone = Workspace(Path(folder), parse_settings({}, "the export"))  # nothing is found outside the folder
        experts = ModelExperts.of(model.config, Path(folder), alone, "cpu")
        encoders = ModelEncoders(model, processor, Path(folder), alone, precision="fp32")
        attacher = Attacher(model.config, encoders, experts)
        answer_all(scratch, lambda one: answered(model, told_inputs(model, processor.encoder, attacher, one)))
        return

    def answer(example: ProofExample) -> Answer:
        media: dict[str, list[Any]] = {}
        for modality, medium in example.media:
            media.setdefault(TABLE[modality].processor_keyword, []).append(medium)
        return answered(model, processor(list(example.messages), **media))

    answer_all(scratch, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
