"""SigLIP's vision tower as llama.cpp names its parts.

Sources: `SiglipVisionModel` of transformers; llama.cpp's `clip` files.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig

BICUBIC = 3
"""Pillow's number of the filter."""
TOLERANCE = 1e-6
_PARTS = {
    "embeddings.patch_embedding.weight": "v.patch_embd.weight",
    "embeddings.patch_embedding.bias": "v.patch_embd.bias",
    "embeddings.position_embedding.weight": "v.position_embd.weight",
}
POST_NORM = {"post_layernorm.weight": "v.post_ln.weight", "post_layernorm.bias": "v.post_ln.bias"}
_LAYER_PARTS = {
    "layer_norm1": "ln1", "layer_norm2": "ln2", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.out_proj": "attn_out", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down",
}  # fmt: skip
POSITIONS = "v.position_embd.weight"
"""Added to activations, and therefore fp32."""


def read_layers(encoder: Any) -> int:
    """How many layers the features have been through."""
    layers, asked = int(encoder.model.config.num_hidden_layers), int(encoder.settings.layer)
    return layers + 1 + asked if asked < 0 else asked


def tower_keys(encoder: Any, projection_size: int) -> dict[str, Any]:
    """Sizes and normalisation of the tower."""
    config, processor = encoder.model.config, encoder.processor
    sizes = {
        "image_size": int(config.image_size), "patch_size": int(config.patch_size),
        "embedding_length": int(config.hidden_size), "feed_forward_length": int(config.intermediate_size),
        "block_count": read_layers(encoder), "projection_dim": projection_size,
        "attention.head_count": int(config.num_attention_heads),
        "attention.layer_norm_epsilon": float(config.layer_norm_eps),
        "image_mean": [float(value) for value in processor.image_mean],
        "image_std": [float(value) for value in processor.image_std],
        "feature_layer": [read_layers(encoder)],
    }  # fmt: skip
    keys = {f"clip.vision.{name}": value for name, value in sizes.items()}
    return {"clip.has_vision_encoder": True, "clip.use_gelu": True, **keys}


def tower_tensors(encoder: Any) -> Iterator[Stored]:
    """Embeddings and the layers that are read."""
    weights: Mapping[str, Tensor] = encoder.model.state_dict()
    parts = _PARTS | (POST_NORM if encoder.settings.post_layernorm else {})
    named = {theirs: weights[ours] for ours, theirs in parts.items()}
    for layer in range(read_layers(encoder)):
        for ours, theirs in _LAYER_PARTS.items():
            for kind in ("weight", "bias"):
                named[f"v.blk.{layer}.{theirs}.{kind}"] = weights[f"encoder.layers.{layer}.{ours}.{kind}"]
    for name, weight in named.items():
        yield Stored(name, lambda weight=weight: weight, "f32" if name == POSITIONS else "")  # type: ignore[misc]


def image_obstacles(config: MacawConfig, modality: Modality) -> list[str]:
    """What llama.cpp does otherwise with a square image than the model's image processor, each in a few words."""
    prepared = config.fingerprints.get(modality, {}).get("preprocessing", {})
    size, crop = prepared.get("size", {}), prepared.get("crop_size") if prepared.get("do_center_crop") else None
    told = [
        f"the model's images have {name}={prepared.get(name)}"
        for name in ("do_resize", "do_rescale", "do_normalize")
        if not prepared.get(name)
    ]
    if prepared.get("resample") != BICUBIC:
        told.append(f"the model's images are resized with Pillow's filter {prepared.get('resample')}, not {BICUBIC}")
    if abs(float(prepared.get("rescale_factor", 0)) * 255 - 1) > TOLERANCE:
        told.append(f"the model's images are scaled by {prepared.get('rescale_factor')}, and not by 1/255")
    sides = {*size.values(), *(crop or {}).values()}
    if len(sides) != 1 or not set(size) <= {"shortest_edge", "height", "width"}:
        told.append("the model's images are cut after resizing")
    return told
