"""`llama-adapter`: prompts that the attention of the LLM's upper layers reads beside its positions (LLaMA-Adapter).

Source: arXiv 2303.16199, section 3.2, and the published code. The keys and values of the prompts are made by the LLM's
own layers, without positions; they have a softmax of their own, times the tanh of a gate per head. What is found is
added to what the heads have found before the last linear layer of the attention. An LLM that norms its keys norms those
of the prompts as well.

Letters: B rows, T positions, P prompt vectors of a layer, H heads, d depth of a head, D hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.injections.llama_adapter import LlamaAdapterSettings
from macaw_cli.config.injections.llama_adapter_v2 import LlamaAdapterV2Settings
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.attention_tap import AttentionTap, Change
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.injection import Binding, Injection
from macaw_cli.model.injections.media_attention import attend
from macaw_cli.model.injections.sight import Sight

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


@dataclass
class PromptBinding(Binding):
    """What the attention of the layers reads during one call of the LLM."""

    added: Tensor | None = None
    """(media, P, D): added to the prompts of positions that a medium stands before; None where nothing is."""
    of_prompts: Sight | None = None
    """Which of all (1 + media) P prompts a position sees; None for all."""


class LlamaAdapter(Injection):
    """Prompts for the upper layers, closed by their gates at the start; media stand in the LLM's input.

    Attributes:
        layers: of the LLM, those with prompts; they stay the LLM's.

    Args:
        config: of the model.
        settings: of this design.
    """

    takes_media = False

    def __init__(self, config: "MacawConfig", settings: LlamaAdapterSettings | LlamaAdapterV2Settings) -> None:
        super().__init__()
        text: Any = config.text_config
        self.name, self.heads, self.depth = settings.name, int(text.num_attention_heads), int(text.num_hidden_layers)
        self.prompts = nn.ModuleList(
            LayerPrompts(settings.tokens, int(text.hidden_size), self.heads) for _ in range(_layers(config))
        )
        self.layers: list[Any] = []
        self._taps: list[AttentionTap] = []

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Prompts as wide as the hidden states of the LLM in `config`."""
        return cls(config, cast(Any, config.injection_settings))

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Memory of all layers; under gradient checkpointing of one, as the hooks are inside the LLM's layers."""
        return layers_memory(config, tokens, 1, value_bytes, recomputed=recomputed)

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Operations of all layers: keys and values of the prompts, and attention of each position to them."""
        return layers_operations(config, tokens, 1)

    def attach(self, llm: nn.Module) -> None:
        """Hook into the attention of the upper layers.

        Raises:
            MismatchError: the LLM's layers cannot be told, or are not as many as its configuration says, or their
                attention cannot be used.
        """
        layers = decoder_layers(llm)
        refused = f"The injection {self.name} cannot be attached to this LLM"
        if len(layers) != self.depth:
            raise MismatchError(
                f"{refused}: {self.depth} layers were expected, but {len(layers)} found.",
                "Choose another LLM, or set injection to none.",
            )
        self.layers = layers[-len(self.prompts) :]
        self._taps = [
            AttentionTap(layer, self.heads, partial(self._change, prompts), refused)
            for prompts, layer in zip(self.prompts, self.layers, strict=True)
        ]

    def bind(self, media: BoundMedia, offset: int, shape: tuple[int, int]) -> None:
        """Let the layers read the prompts; arguments as in `Injection.bind`."""
        self._bound = PromptBinding(media, offset, shape)
        for tap in self._taps:
            tap.follow()

    def _change(self, prompts: nn.Module, tap: AttentionTap) -> Change | None:
        """What is added in a layer during this call; None where nothing is bound."""
        now = cast("PromptBinding | None", self._bound)
        return None if now is None else partial(_found_in_prompts, prompts, tap, now)


class LayerPrompts(nn.Module):
    """The prompts and gates of one layer.

    Args:
        tokens: P.
        width: D.
        heads: H.
    """

    def __init__(self, tokens: int, width: int, heads: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(tokens, width))
        self.gate = nn.Parameter(torch.zeros(heads))

    def initialise(self) -> None:
        """Draw the prompts as the published code does, and close the gates."""
        init.normal_(self.vectors)
        init.zeros_(self.gate)

    def forward(self, added: Tensor | None) -> tuple[Tensor, Tensor]:
        """The prompts ((1 + media) P, D), those without media first, and how far each head is open (H, 1).

        Args:
            added: (media, P, D) or None.
        """
        if added is None:
            return self.vectors, self.gate.tanh()[:, None]
        with_media = self.vectors + added.to(self.vectors.dtype)
        return torch.cat([self.vectors[None], with_media]).flatten(0, 1), self.gate.tanh()[:, None]


def _found_in_prompts(prompts: nn.Module, tap: AttentionTap, now: PromptBinding, query: Tensor) -> Tensor:
    """(B, T, H, d): what the heads find in the prompts, times their gates."""
    vectors, gate = prompts(now.added)
    key, value = tap.keys_and_values(vectors.to(query.dtype))
    found = attend(query, key.to(query.dtype), value, now.of_prompts, scale=tap.scale)
    gated: Tensor = found * gate.to(found.dtype)
    return gated


def _layers(config: "MacawConfig") -> int:
    """How many layers have prompts."""
    settings = cast("LlamaAdapterSettings", config.injection_settings)
    return min(settings.layers, int(cast(Any, config.text_config).num_hidden_layers))


def _sizes(config: "MacawConfig") -> tuple[int, int, int, int]:
    """P, D, and the widths of all heads of queries, and of keys."""
    text: Any = config.text_config
    width, heads = int(text.hidden_size), int(text.num_attention_heads)
    depth = int(getattr(text, "head_dim", None) or width // heads)
    kv_heads = int(getattr(text, "num_key_value_heads", None) or heads)
    return cast("LlamaAdapterSettings", config.injection_settings).tokens, width, heads * depth, kv_heads * depth


def layers_memory(config: "MacawConfig", tokens: int, sets: int, value_bytes: int, *, recomputed: bool) -> float:
    """Bytes that the layers keep where each has so many sets of prompts, or one layer where they are recomputed."""
    count, width, inner, kv_inner = _sizes(config)
    # per position: the query before and behind its rotation, and what was found before and behind the gates
    values = tokens * 4 * inner + sets * count * (2 * width + 3 * kv_inner)
    return float((1 if recomputed else _layers(config)) * values * value_bytes)


def layers_operations(config: "MacawConfig", tokens: int, sets: int) -> float:
    """Operations of the layers where each has so many sets of prompts."""
    count, width, inner, kv_inner = _sizes(config)
    return float(_layers(config) * 2 * sets * count * (2 * width * kv_inner + 2 * tokens * inner))
