"""What a model that reads experts' texts gets of an example of the proof: its media, and what its experts say of them.

The source and the fresh process do the same, each with the experts that it finds.
"""

from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.conversations import conversation_request, in_training_order
from macaw_cli.inference.prompts import prompt_batch
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.modalities.table import TABLE, Modality


def told_inputs(model: Any, encoder: Any, attacher: Attacher, example: ProofExample) -> dict[str, Any]:
    """What the model reads: ids with the texts in them, and features of the media that it is fed.

    Args:
        model: a Macaw model in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        attacher: with the model's encoders and experts.
        example: whose media are told.
    """
    path = Path("example")
    attached = []
    for modality, medium in example.media:
        requests = attacher.decodings(path, modality)
        attached += attacher.encode(path, modality, [_decoded(medium, modality, one) for one in requests])
    request = conversation_request(model, encoder, list(example.messages), in_training_order(attached))
    inputs = prompt_batch(model, [request]).inputs
    return {name: value for name, value in inputs.items() if value is not None}


def _decoded(medium: np.ndarray, modality: Modality, request: Request) -> Decoded | NoAudio:
    """A raw medium of an example as if it had been decoded."""
    if request["modality"] != modality:
        return NoAudio("The example has no soundtrack.")
    meta: dict[str, Any] = {"duration": 0.0}
    if modality == "video":
        places = np.linspace(0, len(medium) - 1, request["frames"]).round().astype(int)
        medium, meta = medium[places], {"duration": float(len(medium)), "frame_times": places.astype(float).tolist()}
    elif TABLE[modality].is_image:
        meta = {"size": [medium.shape[1], medium.shape[0]]}
    return meta, {modality: medium}
