"""What a program does that has the graphs alone: onnxruntime makes soft tokens of raw media.

`python -m macaw_cli.export.proving.onnx_answers FOLDER SCRATCH` is the fresh process of the proof of `--format onnx`.
Each of its examples is one medium; the soft tokens (K, D) stand in the place of logits.
"""

import sys
from pathlib import Path

import numpy as np

from macaw_cli.export.onnx.folder import OnnxMedia
from macaw_cli.export.proving.answers import Answer
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answer_all


def main(folder: str, scratch: str) -> None:
    """Make the soft tokens of the examples in `scratch`."""
    media = OnnxMedia(Path(folder))

    def answer(example: ProofExample) -> Answer:
        ((modality, medium),) = example.media
        return Answer(media.soft_tokens(modality, medium), np.zeros(0, dtype=np.int64))

    answer_all(scratch, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
