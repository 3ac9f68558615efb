"""Whisper's encoder as llama.cpp names its parts.

Sources: `WhisperEncoder` of transformers; llama.cpp's `clip` files.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig

POSITIONS = 1500
"""Tokens of the window of 30 s that llama.cpp fills with silence."""
PREPROCESSING = {"chunk_length": 30, "sampling_rate": 16000, "hop_length": 160, "n_fft": 400}
"""Of llama.cpp's Whisper, as the fingerprint of the encoder names it."""
_LAYER_PARTS = {
    "self_attn_layer_norm": "ln1", "final_layer_norm": "ln2", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.out_proj": "attn_out", "fc1": "ffn_up",
    "fc2": "ffn_down",
}  # fmt: skip


def tower_keys(encoder: Any, projection_size: int) -> dict[str, Any]:
    """Sizes of the encoder."""
    config = encoder.model.config
    sizes = {
        "num_mel_bins": int(config.num_mel_bins), "embedding_length": int(config.d_model),
        "feed_forward_length": int(config.encoder_ffn_dim), "block_count": int(config.encoder_layers),
        "projection_dim": projection_size, "attention.head_count": int(config.encoder_attention_heads),
        "attention.layer_norm_epsilon": float(encoder.model.layer_norm.eps),
    }  # fmt: skip
    keys = {f"clip.audio.{name}": value for name, value in sizes.items()}
    return {"clip.has_audio_encoder": True, **keys}


def tower_tensors(encoder: Any, norm: str) -> Iterator[Stored]:
    """Convolutions, positions and layers.

    Args:
        encoder: the `FrozenEncoder`.
        norm: what the norm behind the layers is called.
    """
    weights: Mapping[str, Tensor] = encoder.model.state_dict()
    for number in (1, 2):
        # llama.cpp's convolution takes half precision alone
        yield _stored(f"a.conv1d.{number}.weight", weights[f"conv{number}.weight"], "f16")
        yield _stored(f"a.conv1d.{number}.bias", weights[f"conv{number}.bias"][:, None], "f32")
    yield _stored("a.position_embd.weight", weights["embed_positions.weight"], "f32")
    for layer in range(int(encoder.model.config.encoder_layers)):
        for ours, theirs in _LAYER_PARTS.items():
            for kind in ("weight", "bias"):
                name = f"layers.{layer}.{ours}.{kind}"
                if name in weights:  # keys have no bias
                    yield _stored(f"a.blk.{layer}.{theirs}.{kind}", weights[name])
    for kind in ("weight", "bias"):
        yield _stored(f"{norm}.{kind}", weights[f"layer_norm.{kind}"])


def audio_obstacles(config: MacawConfig, modality: Modality, stride: int) -> list[str]:
    """What llama.cpp does otherwise with audio of up to 30 s, each in a few words.

    Args:
        config: of the model.
        modality: whose encoder is Whisper's.
        stride: feature tokens per soft token.
    """
    found = config.fingerprints.get(modality, {})
    prepared = found.get("preprocessing", {})
    told = [
        f"the model's encoder has {name}={prepared.get(name)}, and llama.cpp {value}"
        for name, value in PREPROCESSING.items()
        if prepared.get(name) != value
    ]
    if found.get("audio_padding") == "drop":
        told.append("features.audio_padding must be keep, because llama.cpp hears the silence that fills the window")
    if config.audio_windows != 1:
        told.append("features.audio_windows must be 1")
    if POSITIONS % stride:
        told.append(f"the bridge's stride {stride} must divide {POSITIONS}")
    return told


NOTE = "llama.cpp hears audio of more than 30 s in several windows, and the model was trained on the first one."


def _stored(name: str, weight: Tensor, number_format: str = "") -> Stored:
    return Stored(name, lambda: weight, number_format)
