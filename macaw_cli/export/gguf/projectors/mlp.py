"""`mlp`: SigLIP, then two matrices with GELU between them, as LLaVA 1.5 has them.

CLIP is none of its towers: behind one with a class token llama.cpp shifts positions and takes the class token for the
last patch (issue 25814 of llama.cpp, found again with version 11549).
"""

from collections.abc import Iterator
from typing import Any

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.export.gguf.projectors.vision_tower import image_obstacles, tower_keys, tower_tensors
from macaw_cli.model.configuration import MacawConfig


class MlpProjector(Projector):
    """The bridge `mlp` behind a tower."""

    kind = "mlp"
    modality = "image"

    @classmethod
    def further_obstacles(cls, config: MacawConfig) -> list[str]:
        """Images are resized to a square with a bicubic filter, and the last norm follows the last layer alone."""
        told = image_obstacles(config, cls.modality)
        settings = config.encoder_settings(cls.modality)
        if settings.post_layernorm and settings.layer != -1:
            told.append("features.image_encoder.post_layernorm must be false for an earlier layer")
        return told

    @classmethod
    def notes(cls) -> list[str]:
        """What becomes of images that are no squares."""
        return [
            "llama.cpp fills an image up to a square, where the model was trained on its middle or on the squeezed"
            " image: give it square images."
        ]

    def keys(self) -> dict[str, Any]:
        """Of the tower."""
        size = self.config.embedding_size
        return {"clip.projector_type": self.kind, **tower_keys(self.encoder, size)}

    def tensors(self) -> Iterator[Stored]:
        """The tower's and the bridge's."""
        yield from tower_tensors(self.encoder)
        layers = self.bridge.projection
        yield Stored("mm.0.weight", lambda: layers[0].weight)
        yield Stored("mm.0.bias", lambda: layers[0].bias)
        yield Stored("mm.2.weight", lambda: layers[2].weight)
        yield Stored("mm.2.bias", lambda: layers[2].bias)
