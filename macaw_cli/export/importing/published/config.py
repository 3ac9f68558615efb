"""The configuration of a published checkpoint: what it says, what its weights show, and the published defaults."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import LlamaConfig

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_rows import PAIR, Fields, Kind, mapping_of
from macaw_cli.config.bridges.designs import BridgePerModality
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig

PUBLISHED_CONV = {"image": [48, 36], "audio": [240, 220], "video": [36, 30]}
"""Kernel and stride of each modality that a published checkpoint has, in the order of its tags."""
PUBLISHED_FEATURE_TOKENS = {"image": 196, "audio": 1500, "video": 196}
"""Feature tokens of one image, one audio and one video frame: CLIP ViT-B/16 and Whisper base."""
PUBLISHED_LLAMA = {"num_attention_heads": 32, "rms_norm_eps": 1e-6, "max_position_embeddings": 2048}
EMBEDDING = "language_model.model.embed_tokens.weight"
KNOWN_KEYS = frozenset(
    {"n_frames", "attention_heads", "align_heads", "conv", "hidden_size", "vocab_size", "llama", "tag_ids"}
    | {"feature_tokens", "note"}
)

_SIZE = Kind("a whole number from 1", int, lambda value: 0 < value < 1 << 31)
_LLAMA = Fields({}, {name: _SIZE for name in ("num_attention_heads", "num_hidden_layers", "intermediate_size")})
SAID = Fields(
    {},
    {"n_frames": _SIZE, "attention_heads": _SIZE, "align_heads": _SIZE, "hidden_size": _SIZE, "vocab_size": _SIZE,
     "conv": mapping_of(PAIR), "tag_ids": mapping_of(PAIR), "llama": _LLAMA, "feature_tokens": mapping_of(_SIZE)},
)  # fmt: skip
"""Types of the keys; which keys there may be is told with their names."""


def published_config(weights: Mapping[str, Tensor], said: Mapping[str, Any], origin: str) -> MacawConfig:
    """The configuration under which `weights` compute what they were published for.

    Args:
        weights: under our names.
        said: configuration keys as in the golden vectors: `n_frames`, `attention_heads`, `align_heads`, `conv`,
            `hidden_size`, `vocab_size`, `llama`, `tag_ids`, and `feature_tokens` per modality; absent ones are read
            off the weights or are the published ones.
        origin: where `said` stood, for messages.

    Raises:
        InputError: unknown or wrong keys, or weights of another model.
        MismatchError: the configuration contradicts the weights.
    """
    unknown = sorted(set(said) - KNOWN_KEYS)
    if unknown:
        known = ", ".join(sorted(KNOWN_KEYS))
        raise InputError(f"{origin} has unknown keys: {', '.join(unknown)}.", f"Known ones are {known}.")
    if EMBEDDING not in weights:
        raise InputError(
            "The checkpoint lacks llm.model.embed_tokens.weight, so it is not a published Macaw-LLM checkpoint.",
            "Name the file with the whole model, with the parameter names of the published code.",
        )
    rows, hidden_size = _shape(weights, EMBEDDING, 2)
    shown = f"llm.model.embed_tokens.weight {(rows, hidden_size)}"
    for key, found in (("hidden_size", hidden_size), ("vocab_size", rows)):
        _require_equal(f"`{key}` in {origin}", said.get(key, found), shown, found)
    conv = {**PUBLISHED_CONV, **said.get("conv", {})}
    shapes = {name: _feature_shape(weights, name, conv[name], said, origin) for name in PUBLISHED_CONV}
    heads = int(said.get("attention_heads", 8))
    alignment_heads = int(said.get("align_heads", 2 * heads))
    bridges = {
        name: MacawBridgeSettings(
            variant="paper", windows=tuple(conv[name]), heads=heads, alignment_heads=alignment_heads
        )
        for name in PUBLISHED_CONV
    }
    llama = _llama(weights, said, rows, hidden_size, origin)
    config = MacawConfig.for_llm(llama, BridgePerModality(**bridges), shapes, null_features=True)
    # the published vocabulary ends with six tags and the padding token
    tags = {name: [rows - 7 + 2 * place, rows - 6 + 2 * place] for place, name in enumerate(PUBLISHED_CONV)}
    config.begin_end_ids = {name: list(pair) for name, pair in {**tags, **said.get("tag_ids", {})}.items()}
    return config


def _feature_shape(
    weights: Mapping[str, Tensor], modality: Modality, conv: list[int], said: Mapping[str, Any], origin: str
) -> list[int]:
    name = f"fusion.bridges.{modality}.convolution.weight"
    if name not in weights:
        problem = f"The checkpoint lacks project_{modality}.weight, so it is not a published Macaw-LLM checkpoint."
        raise InputError(problem)
    _, channels, kernel = _shape(weights, name, 3)
    shown = f"project_{modality}.weight {tuple(weights[name].shape)}"
    _require_equal(f"the {modality} kernel under `conv` in {origin}", conv[0], shown, kernel)
    tokens = int({**PUBLISHED_FEATURE_TOKENS, **said.get("feature_tokens", {})}[modality])
    return [int(said.get("n_frames", 6)), tokens, channels] if modality == "video" else [tokens, channels]


def _llama(
    weights: Mapping[str, Tensor], said: Mapping[str, Any], rows: int, hidden_size: int, origin: str
) -> LlamaConfig:
    """Sizes that the weights show, unless told; heads and constants, which they do not, as published."""
    layers = {name.split(".")[3] for name in weights if name.startswith("language_model.model.layers.")}
    gate = "language_model.model.layers.0.mlp.gate_proj.weight"
    shown = {"num_hidden_layers": len(layers)}
    if gate in weights:
        shown["intermediate_size"] = _shape(weights, gate, 2)[0]
    told = {name: value for name, value in said.get("llama", {}).items() if value is not None}
    sizes = {**PUBLISHED_LLAMA, **shown, **told}
    sizes.pop("model_type", None)
    if hidden_size % sizes["num_attention_heads"]:
        raise InputError(
            f"The LLM's hidden size {hidden_size} is not a multiple of its {sizes['num_attention_heads']} heads.",
            'State the number of heads: --config with {"llama": {"num_attention_heads": ...}}.',
        )
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": rows - 1}
    try:
        return LlamaConfig(**{**tokens, **sizes, "vocab_size": rows, "hidden_size": hidden_size})
    except Exception as error:  # transformers checks each value in its own way
        why = cut(str(error).strip().partition("\n")[0])
        raise InputError(f"`llama` in {origin} describes no LLM: {why}", "Correct the configuration.") from None


def _shape(weights: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    shape = tuple(weights[name].shape)
    if len(shape) != dimensions:
        problem = f"{name} has the shape {shape}, expected {dimensions} dimensions."
        raise InputError(problem, "Check that it is the published checkpoint.")
    return shape


def _require_equal(what: str, said: Any, where: str, found: int) -> None:
    if said != found:
        raise MismatchError(f"{what} is {said}, but the checkpoint has {where}: {found}.", "Correct the configuration.")
