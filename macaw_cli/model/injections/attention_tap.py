"""A place inside an attention module of the LLM: its queries, and what its heads found before the last linear layer.

Letters: B rows, T positions, H heads, G heads of keys and values, d depth of a head, D hidden size, P prompt vectors.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.injections.linear_layers import linear_size

Change = Callable[[Tensor], Tensor]
"""From the queries (B, T, H, d), rotated as the LLM's positions are, to what is added to what the heads found."""
NAMES = (
    ("q_proj", "k_proj", "v_proj", "o_proj"), ("q_proj", "k_proj", "v_proj", "out_proj"),
    ("q_proj", "k_proj", "v_proj", "dense"), ("c_attn", "c_attn", "c_attn", "c_proj"),
    ("qkv_proj", "qkv_proj", "qkv_proj", "o_proj"),
)  # fmt: skip
"""Layers of queries, keys, values and output, as LLMs call them; some make the first three at once, in this order."""


class AttentionTap:
    """Hooks in one attention module, which change nothing as long as `change` is None.

    They stand in its linear layers, and move where PEFT puts its own layers in their place: see `follow`. As they are
    inside the LLM's layer, they also run when the layer is computed again in the backward pass.

    Attributes:
        attention: the module.
        change: what to add, or None; set by `open`.

    Args:
        layer: of the LLM.
        heads: H.
        open_with: called before every call of the attention, with this tap; gives `change`.
        refused: begins the message where the layer cannot be used.

    Raises:
        MismatchError: the layer has no attention whose parts can be told apart.
    """

    def __init__(
        self, layer: nn.Module, heads: int, open_with: Callable[["AttentionTap"], Change | None], refused: str
    ) -> None:
        found = [
            (module, names) for module in layer.children() for names in NAMES if all(map(module._modules.get, names))
        ]
        if len(found) != 1:
            raise MismatchError(
                f"{refused}: {type(layer).__name__} has no attention with separate layers of queries, keys, values and "
                "output.",
                "Choose another LLM, or another injection.",
            )
        attention: Any = found[0][0]
        self.attention = attention
        self.query_name, self.key_name, self.value_name, self.output_name = found[0][1]
        self.fused = self.query_name == self.key_name
        self.heads, self.depth = heads, int(attention.head_dim)
        self.change: Change | None = None
        self._open_with = open_with
        self._query: Tensor | None = None
        self._rotation: tuple[Tensor, Tensor] | None = None
        self._hooked: tuple[nn.Module, ...] = ()
        self._handles: list[Any] = []
        self._require_plain(refused)
        self.attention.register_forward_pre_hook(self._before, with_kwargs=True)
        self.attention.register_forward_hook(self._after)
        self.follow()

    @property
    def scale(self) -> float | None:
        """Factor of the LLM's scores; None for d^-0.5."""
        return getattr(self.attention, "scaling", None)

    def follow(self) -> None:
        """Hook into the linear layers that the attention has now."""
        now = tuple(getattr(self.attention, name) for name in (self.query_name, self.output_name))
        if now == self._hooked:
            return
        for handle in self._handles:
            handle.remove()
        self._handles = [now[0].register_forward_hook(self._keep), now[1].register_forward_pre_hook(self._add)]
        self._hooked = now

    def keys_and_values(self, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (n, G, d) of prompts (n, D), by the LLM's own layers and norms, but without positions."""
        if self.fused:
            made = getattr(self.attention, self.key_name)(prompts)
            key, value = made[..., self.heads * self.depth :].chunk(2, dim=-1)
        else:
            key, value = (getattr(self.attention, name)(prompts) for name in (self.key_name, self.value_name))
        key, value = (one.unflatten(-1, (-1, self.depth)) for one in (key, value))
        norm = getattr(self.attention, "k_norm", None)
        return key if norm is None else norm(key), value

    def _require_plain(self, refused: str) -> None:
        """Refuse attention whose queries are not only projected, normed per head and rotated."""
        width = self.heads * self.depth
        made, output = (linear_size(getattr(self.attention, name)) for name in (self.query_name, self.output_name))
        of_query = made.outputs if made else 0
        fits = of_query > width and (of_query - width) % (2 * self.depth) == 0 if self.fused else of_query == width
        norms = [getattr(self.attention, name, None) for name in ("q_norm", "k_norm")]
        fits &= all(norm is None or tuple(norm.weight.shape) == (self.depth,) for norm in norms)
        fits &= all(getattr(self.attention, name, None) is None for name in ("q_layernorm", "k_layernorm"))
        if not fits or output is None or output.inputs != width:
            raise MismatchError(
                f"{refused}: {type(self.attention).__name__} does more with its queries than project, norm per head "
                "and rotate them.",
                "Choose another LLM, or another injection.",
            )

    def _before(self, _module: nn.Module, _inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.change, self._query, self._rotation = self._open_with(self), None, named.get("position_embeddings")

    def _after(self, *_: Any) -> None:
        self.change, self._query, self._rotation = None, None, None

    def _keep(self, _module: nn.Module, _inputs: tuple[Any, ...], made: Tensor) -> None:
        if self.change is not None and self._query is None:
            self._query = made[..., : self.heads * self.depth]

    def _add(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if self.change is None or self._query is None:
            return None
        added = self.change(self._rotated(self._query.reshape(*self._query.shape[:-1], self.heads, self.depth)))
        return (inputs[0] + added.flatten(2), *inputs[1:])

    def _rotated(self, query: Tensor) -> Tensor:
        """(B, T, H, d) as the attention compares them with keys, apart from the factor of the scores."""
        norm = getattr(self.attention, "q_norm", None)
        query = query if norm is None else norm(query)
        if self._rotation is None:
            return query
        cos, sin = self._rotation
        rotate: Any = sys.modules[type(self.attention).__module__].apply_rotary_pos_emb  # each LLM has its own
        turned, rest = query[..., : cos.shape[-1]].transpose(1, 2), query[..., cos.shape[-1] :]
        turned = rotate(turned, turned[:, :1], cos, sin)[0].transpose(1, 2)
        return torch.cat([turned, rest], dim=-1) if rest.shape[-1] else turned
