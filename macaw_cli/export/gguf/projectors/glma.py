"""`glma`: Whisper's encoder, consecutive tokens side by side, two matrices with GELU between them, as GLM-ASR has them.

The norm that GLM-ASR has behind its encoder is Whisper's own last one here.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.export.gguf.projectors.audio_tower import NOTE, audio_obstacles, tower_keys, tower_tensors
from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.surroundings import around_media


class GlmaProjector(Projector):
    """The bridges `frame-stack` and `mlp`; begin and end token are vectors of the file."""

    kind = "glma"
    modality = "audio"
    brings_ends = True

    @classmethod
    def further_obstacles(cls, config: MacawConfig) -> list[str]:
        """Audio is heard in one padded window, with one token before and one after it."""
        told = audio_obstacles(config, cls.modality, _stride(config))
        if [len(ids) for ids in around_media(config, cls.modality)] != [1, 1]:
            told.append("one token must stand before and one after the audio")
        return told

    @classmethod
    def notes(cls) -> list[str]:
        """What becomes of longer audio."""
        return [NOTE]

    def keys(self) -> dict[str, Any]:
        """Of the encoder, and how many tokens are stacked."""
        keys = tower_keys(self.encoder, self.config.embedding_size)
        return {"clip.projector_type": self.kind, **keys, "clip.audio.projector.stack_factor": _stride(self.config)}

    def tensors(self) -> Iterator[Stored]:
        """The encoder's, the bridge's, and the begin and end token."""
        yield from tower_tensors(self.encoder, "mm.a.norm_pre")
        for number, layer in ((1, self.bridge.projection[0]), (2, self.bridge.projection[2])):
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
            yield Stored(f"mm.a.mlp.{number}.weight", lambda layer=layer: layer.weight)  # type: ignore[misc]
            yield Stored(f"mm.a.mlp.{number}.bias", lambda bias=bias: bias)  # type: ignore[misc]
        for name, (identity,) in zip(("v.boi", "v.eoi"), around_media(self.config, self.modality), strict=True):
            yield Stored(name, lambda identity=identity: self._embedding(identity), "f32")  # type: ignore[misc]

    @torch.inference_mode()
    def _embedding(self, identity: int) -> Tensor:
        """(1, D) of a token."""
        embeds: Tensor = self.model.fusion.embed_text(torch.tensor([[identity]]), self.model.get_input_embeddings())
        return embeds[0]


def _stride(config: MacawConfig) -> int:
    return int(getattr(config.bridge_settings("audio"), "stride", 1))
