"""`deepstack`: features of earlier layers of the encoder, added to the hidden states at media (DeepStack, Qwen3-VL).

Sources: DeepStack (arXiv 2406.04334) and `Qwen3VLTextModel._deepstack_process` with its `Qwen3VLVisionPatchMerger` in
transformers. What deviates: the last linear layer of a merger starts as zeros, so that the LLM's logits are unchanged
at first, and each modality has mergers of its own, as it has a bridge of its own.

Letters: N feature tokens of one layer, C channels, D the LLM's hidden size, S soft tokens of all media, s the scale.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.deepstack import DeepstackSettings
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import frames_and_size, per_size, side_by_side, window_grid, windows
from macaw_cli.model.blocks.zero_layers import ZeroLinear
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.injection import Injection
from macaw_cli.model.tapped_layers import bridge_shape, layer_tokens, layers_in_features

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class Deepstack(Injection):
    """`h += merger_i(features of layer i)` at the positions of soft tokens, behind layer i of the LLM.

    Args:
        config: of the model.
    """

    takes_media = False
    looks_at_positions = True

    def __init__(self, config: "MacawConfig") -> None:
        super().__init__()
        self.config = config
        self.settings = cast("DeepstackSettings", config.injection_settings)
        self.width, self.tapped = int(cast(Any, config.text_config).hidden_size), self.settings.layers - 1
        self.mergers = nn.ModuleDict({
            name: nn.ModuleList(
                Merger(config.feature_shapes[name][-1], self.width, self.settings.scale) for _ in range(self.tapped)
            )
            for name in _modalities(config)
        })  # fmt: skip

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Mergers for the LLM and the features in `config`.

        Raises:
            UsageError: no features of an image encoder, or an LLM of too few layers; or features that do not hold the
                tokens of so many layers, or of which the bridge makes another number of soft tokens.
        """
        settings = cast("DeepstackSettings", config.injection_settings)
        have = int(cast(Any, config.text_config).num_hidden_layers)
        if not _modalities(config) or have < settings.layers - 1:
            raise UsageError(
                f"The injection deepstack needs images or videos, and {settings.layers - 1} layers of the LLM; the "
                f"model has {', '.join(config.modalities) or 'no media'}, and {have} layers.",
                "Set injection.layers to fewer, or injection to none.",
            )
        for name in _modalities(config):
            shape = config.feature_shapes[name]
            rows, soft = _rows(config, name, shape), soft_token_count(config, name, shape)
            if rows != soft:
                raise UsageError(
                    f"The {name} bridge makes {soft} soft tokens of features of shape {tuple(shape)}, but the "
                    f"injection deepstack needs {rows} (injection.scale is {settings.scale}).",
                    "Choose a bridge that makes as many, such as mlp, or pixel-shuffle with the same scale.",
                )
        return cls(config)

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Per soft token and merger four vectors of s² C and two of D; per position which soft token stands there."""
        settings = cast("DeepstackSettings", config.injection_settings)
        merged = max(config.feature_shapes[name][-1] for name in _modalities(config)) * settings.scale**2
        values = 4 * merged + 2 * int(cast(Any, config.text_config).hidden_size)
        return float((settings.layers - 1) * (soft_tokens * values * value_bytes + tokens * 9))

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """The two linear layers of the mergers, for as many soft tokens as images would have."""
        settings = cast("DeepstackSettings", config.injection_settings)
        merged = max(config.feature_shapes[name][-1] for name in _modalities(config)) * settings.scale**2
        layer = merged * (merged + int(cast(Any, config.text_config).hidden_size))
        return float((settings.layers - 1) * 2 * sum(media) * layer)

    def beside(
        self, soft: Mapping[Modality, Tensor], features: Mapping[Modality, Sequence[Tensor]]
    ) -> Mapping[Modality, Tensor]:
        """The soft tokens, wider by what is added behind each tapped layer; see `Injection.beside`."""
        made = {}
        for name, tokens in soft.items():
            deep = tokens.new_zeros(len(tokens), self.tapped * self.width)
            if name in self.mergers:
                deep = self._merged(name, [medium.to(tokens) for medium in features[name]], tokens)
            made[name] = torch.cat([tokens, deep.to(tokens.dtype)], dim=-1)
        return made

    def _merged(self, name: Modality, media: Sequence[Tensor], soft: Tensor) -> Tensor:
        """(K, tapped D): what the mergers make of the media of one modality, whose soft tokens are (K, D)."""
        mergers: Any = self.mergers[name]
        if not media:  # every rank runs every merger
            smallest = soft.new_zeros(1, mergers[0].size)
            return torch.cat([merger(smallest) for merger in mergers], dim=-1).narrow(0, 0, 0)
        layers = zip(*(layer_tokens(self.config, name, medium) for medium in media), strict=True)
        rows = [self._side_by_side(some) for some, _ in zip(layers, mergers, strict=False)]
        if len(rows[0]) != len(soft):
            raise MismatchError(
                f"The {name} bridge made {len(soft)} soft tokens of media of which the injection deepstack makes "
                f"{len(rows[0])}.",
                "Extract all media in one size, or choose a bridge that makes a soft token of every token.",
            )
        return torch.cat([merger(row) for merger, row in zip(mergers, rows, strict=True)], dim=-1)

    def _side_by_side(self, media: Sequence[Tensor]) -> Tensor:
        """(K, s² C): neighbouring tokens of one layer side by side."""
        scale = self.settings.scale
        if scale == 1:
            return torch.cat([medium.flatten(0, -2) for medium in media])
        tokens, sizes = side_by_side(media, square=True)
        return per_size(tokens, sizes, lambda frames: windows(frames, (scale, scale)).flatten(2))

    def attach(self, llm: nn.Module) -> None:
        """Add behind the first layers.

        Raises:
            MismatchError: the layers of the LLM cannot be told.
        """
        layers = decoder_layers(llm)[: self.tapped]
        if len(layers) < self.tapped:
            raise MismatchError(
                f"The injection deepstack needs {self.tapped} layers of the LLM to attach to, but found {len(layers)}.",
                "Choose another LLM, or set injection to none.",
            )
        for number, layer in enumerate(layers):
            layer.register_forward_hook(partial(self._behind_layer, number))

    def _behind_layer(self, number: int, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        """What the layer gives, with the addition."""
        now = self._bound
        if now is None or (now.is_behind_media and not self.training):
            return None  # a decode step
        assert now.soft_tokens is not None
        hidden = output if isinstance(output, Tensor) else output[0]
        begin = now.media.tokens.shape[-1] - (self.tapped - number) * self.width
        deep = now.media.tokens[:, begin : begin + self.width].to(hidden.dtype)[now.soft_tokens.clamp(min=0)]
        changed = hidden + torch.where(now.soft_tokens[..., None] >= 0, deep, 0)
        return changed if isinstance(output, Tensor) else (changed, *output[1:])


def _modalities(config: "MacawConfig") -> list[Modality]:
    """Those whose features hold several layers."""
    return [name for name in config.modalities if layers_in_features(config, name) > 1]


def _rows(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
    """Rows that a merger makes of one medium."""
    own, scale = bridge_shape(config, modality, shape), cast("DeepstackSettings", config.injection_settings).scale
    if scale == 1:
        return prod(own[:-1])
    frames, size = frames_and_size(modality, own)
    return frames * prod(window_grid(size, (scale, scale)))


class Merger(nn.Module):
    """LayerNorm, linear, GELU, linear; parameters as in `Qwen3VLVisionPatchMerger` with its norm behind the shuffle.

    Args:
        channels: C.
        width: D.
        scale: s.
    """

    def __init__(self, channels: int, width: int, scale: int) -> None:
        super().__init__()
        self.size = channels * scale**2
        self.norm = nn.LayerNorm(self.size, eps=1e-6)
        self.linear_fc1 = nn.Linear(self.size, self.size)
        self.linear_fc2 = ZeroLinear(self.size, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(K, s² C) to (K, D)."""
        made: Tensor = self.linear_fc2(nn.functional.gelu(self.linear_fc1(self.norm(tokens))))
        return made
