"""`ultravox`: Whisper's encoder, consecutive tokens side by side, a gated MLP with two norms, as Ultravox has them."""

from collections.abc import Iterator
from typing import Any

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.export.gguf.projectors.audio_tower import NOTE, audio_obstacles, tower_keys, tower_tensors
from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.model.configuration import MacawConfig


class UltravoxProjector(Projector):
    """The bridge `ultravox` of version 0.5."""

    kind = "ultravox"
    modality = "audio"

    @classmethod
    def further_obstacles(cls, config: MacawConfig) -> list[str]:
        """Audio is heard in one padded window."""
        return audio_obstacles(config, cls.modality, _stride(config))

    @classmethod
    def notes(cls) -> list[str]:
        """What becomes of longer audio."""
        return [NOTE]

    def keys(self) -> dict[str, Any]:
        """Of the encoder, and how many tokens are stacked."""
        keys = tower_keys(self.encoder, self.config.embedding_size)
        return {"clip.projector_type": self.kind, **keys, "clip.audio.projector.stack_factor": _stride(self.config)}

    def tensors(self) -> Iterator[Stored]:
        """The encoder's and the bridge's."""
        yield from tower_tensors(self.encoder, "a.post_ln")
        bridge = self.bridge
        named = {
            "mm.a.norm_pre.weight": bridge.ln_pre, "mm.a.norm_mid.weight": bridge.ln_mid,
            "mm.a.mlp.1.weight": bridge.linear_1, "mm.a.mlp.2.weight": bridge.linear_2,
        }  # fmt: skip
        for name, layer in named.items():
            yield Stored(name, lambda layer=layer: layer.weight)  # type: ignore[misc]


def _stride(config: MacawConfig) -> int:
    return int(config.bridge_settings("audio").stride)  # type: ignore[attr-defined]
