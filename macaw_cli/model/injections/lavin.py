"""`lavin`: a mixture of two adapters before the attention of every layer, chosen by a routing token (LaVIN).

Source: Cheap and Quick (arXiv 2305.15023, section 3.2) and the `RepAdapter_Router` of its published code.

The original puts a routing token before every example: an embedding that stands for "without media" or "with media".
No other token attends to it, and it attends to itself alone, so what it is in each layer depends on that embedding and
the weights, and not on the example. Here the LLM reads both embeddings once per call, as two rows of one position. That
gives the same mixtures and the same gradients without a position in the input.

What deviates: in the original a whole example is mixed as its modality wants it. Here positions before the first medium
of an example are mixed as text, as generation with a KV cache cannot know what comes. And no position is moved by one,
which makes no difference to LLMs with rotary positions.

Letters: B rows, T positions, D the LLM's hidden size, L its layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.lavin import LavinSettings
from macaw_cli.model.blocks.zero_layers import ZeroConv1d
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.injection import Binding, Injection
from macaw_cli.model.injections.linear_layers import ALL, linear_sizes

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

ATTENTION = ("self_attn", "attn", "attention", "self_attention")
NORMS = ("input_layernorm", "self_attn_layer_norm", "ln_1")
KINDS = 2
"""Without media and with media."""


@dataclass
class LavinBinding(Binding):
    """What the attention of the layers reads during one call of the LLM: one of the two."""

    routes: dict[int, Tensor] | None = None
    """Of a call for the routing tokens: their mixtures (kinds, 2) by the number of the layer, filled by the hooks."""
    mixtures: Tensor | None = None
    """(L, B, T, 2): the mixture of every position."""


class Lavin(Injection):
    """`x + s (w_0 B d + w_1 C d)` in place of what attention reads, with `d = dropout(A x)` and B = C = 0 at the start.

    `w = softmax(W r / t)`, where r is what attention would read of the routing token in that layer. Each layer of the
    LLM, and all that is in it, is called twice per call: for the routing tokens, and for the rows.

    Args:
        hidden_size: D.
        embedding_size: of the LLM's embeddings.
        layers: L.
        settings: of this design.
    """

    takes_media = False

    def __init__(self, hidden_size: int, embedding_size: int, layers: int, settings: LavinSettings) -> None:
        super().__init__()
        self.name = settings.name
        self.modality = nn.Embedding(KINDS, embedding_size)
        self.layers = nn.ModuleList(RoutedAdapter(hidden_size, settings) for _ in range(layers))
        self._llm: list[Any] = []  # not a part of this module

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Adapters for the LLM in `config`.

        Raises:
            UsageError: the groups do not divide the sizes.
        """
        text, settings = cast(Any, config.text_config), cast("LavinSettings", config.injection_settings)
        hidden_size = int(text.hidden_size)
        if hidden_size % settings.groups or settings.hidden % settings.groups:
            raise UsageError(
                f"injection.groups is {settings.groups}, which must divide injection.hidden ({settings.hidden}) and "
                f"the LLM's hidden size ({hidden_size}).",
                "Choose another number of groups.",
            )
        return cls(hidden_size, config.embedding_size, int(text.num_hidden_layers), settings)

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Per position and layer: what the adapter reads, what both experts give, and its hidden values.

        Of the routing tokens all that the LLM's layers keep; see `planning.memory_estimate.activations`.
        """
        text, settings = cast(Any, config.text_config), cast("LavinSettings", config.injection_settings)
        width, layers = int(text.hidden_size), int(text.num_hidden_layers)
        layer = tokens * (3 * width + 3 * settings.hidden) * value_bytes
        routing = KINDS * (12 * width + 4 * (getattr(text, "intermediate_size", None) or 4 * width)) * value_bytes
        return float(layers * routing + (layer if recomputed else layers * layer))

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """The three small layers at each position, and the LLM's own layers for the two routing tokens."""
        text, settings = cast(Any, config.text_config), cast("LavinSettings", config.injection_settings)
        width, layers = int(text.hidden_size), int(text.num_hidden_layers)
        adapter = width * settings.hidden * (1 + 2 / settings.groups)
        sizes = linear_sizes(text, (ALL,), "")
        weights = sum(size.inputs * size.outputs for layer in sizes for size in layer.values())
        routing = KINDS * (weights + layers * (width * KINDS + 2 * width))
        return 2.0 * (layers * (tokens + KINDS) * adapter + routing)

    def attach(self, llm: nn.Module) -> None:
        """Change what the attention of every layer reads.

        Raises:
            MismatchError: the LLM has layers without a norm before their attention, or not as many as it says.
        """
        attention = [found for layer in decoder_layers(llm) if (found := _attention_behind_norm(layer)) is not None]
        if len(attention) != len(self.layers) or len(attention) != len(decoder_layers(llm)):
            raise MismatchError(
                "The injection lavin changes what attention reads behind its norm, but of the "
                f"{len(self.layers)} layers of the LLM {len(attention)} have attention with a norm before it.",
                "Choose another LLM, or set injection to none.",
            )
        self._llm = [llm]
        for number, module in enumerate(attention):
            module.register_forward_pre_hook(partial(self._before_attention, number), with_kwargs=True)

    def _routes(self, media: BoundMedia) -> Tensor:
        """(L, kinds, 2): the mixtures of each layer without and with media, read from the routing tokens."""
        kinds = torch.arange(KINDS, device=self.modality.weight.device)
        routing = LavinBinding(media, 0, (KINDS, 1), routes={})
        self._bound = routing
        layers = decoder_layers(self._llm[0])
        recomputed = [layer.gradient_checkpointing for layer in layers]
        for layer in layers:  # the mixtures leave their layer, and two positions are not worth computing again
            layer.gradient_checkpointing = False
        try:
            self._llm[0].base_model(inputs_embeds=self.modality(kinds)[:, None], use_cache=False)
        finally:
            self.release()
            for layer, again in zip(layers, recomputed, strict=True):
                layer.gradient_checkpointing = again
        assert routing.routes is not None
        return torch.stack([routing.routes[number] for number in range(len(self.layers))])

    def bind(self, media: BoundMedia, offset: int, shape: tuple[int, int]) -> None:
        """Choose the mixture of every position; arguments as in `Injection.bind`."""
        routes = media.once(self.name, partial(self._routes, media))
        mixtures = routes[:, (media.latest(*shape, offset) >= 0).long()]
        self._bound = LavinBinding(media, offset, shape, mixtures=mixtures)

    def _before_attention(
        self, number: int, attention: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Change the hidden states that attention is called with."""
        now, adapter = cast("LavinBinding | None", self._bound), self.layers[number]
        if now is None:
            return None
        hidden = inputs[0] if inputs else named["hidden_states"]
        if now.routes is not None:
            mixture = adapter.route(hidden[:, 0])  # type: ignore[operator]
            now.routes[number] = mixture
            mixture = mixture[:, None]
        else:
            assert now.mixtures is not None
            mixture = now.mixtures[number]
        changed = adapter(hidden, mixture)
        if inputs:
            return (changed, *inputs[1:]), named
        return inputs, {**named, "hidden_states": changed}


def _attention_behind_norm(layer: nn.Module) -> nn.Module | None:
    """The attention of a layer that norms what it reads; None of another layer."""
    attention = next((getattr(layer, name) for name in ATTENTION if hasattr(layer, name)), None)
    has_norm = any(hasattr(layer, name) for name in NORMS) and getattr(layer, "do_layer_norm_before", True)
    return attention if has_norm else None


class RoutedAdapter(nn.Module):
    """The adapter of one layer; parameters as in LaVIN's `RepAdapter_Router`.

    Args:
        width: D.
        settings: of the design.
    """

    def __init__(self, width: int, settings: LavinSettings) -> None:
        super().__init__()
        self.scale, self.temperature = settings.scale, settings.temperature
        self.conv_A = XavierConv1d(width, settings.hidden, 1)
        self.dropout = nn.Dropout(settings.dropout)
        self.conv_B = ZeroConv1d(settings.hidden, width, 1, groups=settings.groups)
        self.conv_D = ZeroConv1d(settings.hidden, width, 1, groups=settings.groups)
        self.expert_weights = nn.Linear(width, 2)

    def route(self, token: Tensor) -> Tensor:
        """(..., 2): the mixture, from what a routing token (..., D) is here."""
        scores: Tensor = self.expert_weights(token)
        return (scores.float() / self.temperature).softmax(dim=-1)

    def forward(self, hidden: Tensor, mixture: Tensor) -> Tensor:
        """Hidden states (B, T, D), changed.

        Args:
            hidden: (B, T, D).
            mixture: (B, T, 2), or what can be expanded to it.
        """
        low = self.dropout(self.conv_A(hidden.transpose(1, 2)))
        first, second = (self.scale * mixture.to(hidden.dtype)).unsqueeze(-1).unbind(dim=-2)
        changed: Tensor = hidden + first * self.conv_B(low).transpose(1, 2) + second * self.conv_D(low).transpose(1, 2)
        return changed


class XavierConv1d(nn.Conv1d):
    """A convolution that starts as LaVIN's first layer does."""

    def initialise(self) -> None:
        """Xavier's weights, and no bias."""
        init.xavier_uniform_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
