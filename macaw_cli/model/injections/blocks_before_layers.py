"""Injections that are blocks of their own, each before one of the LLM's layers."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.injection import Injection


class BlocksBeforeLayers(Injection):
    """Blocks that change the hidden states (B, T, D) which a layer is called with.

    A block is called with the hidden states, the soft tokens (S, C) and a `Sight`: which of them each position sees.

    Args:
        name: of the design.
        blocks: in the order of their layers.
        first: number of the layer that the first block stands before, from 0.
        every: layers from one block to the next.
    """

    def __init__(self, name: str, blocks: Iterable[nn.Module], *, first: int, every: int) -> None:
        super().__init__()
        self.name, self.first, self.every = name, first, every
        self.blocks = nn.ModuleList(blocks)

    def attach(self, llm: nn.Module) -> None:
        """Put the blocks before their layers.

        Raises:
            MismatchError: the LLM's layers cannot be told, or are not as many as its configuration says.
        """
        layers = decoder_layers(llm)[self.first :: self.every]
        if len(layers) != len(self.blocks):
            raise MismatchError(
                f"The injection {self.name} needs {len(self.blocks)} layers of the LLM to attach to, "
                f"but found {len(layers)}.",
                "Choose another LLM, or set injection to none.",
            )
        for block, layer in zip(self.blocks, layers, strict=True):
            layer.register_forward_pre_hook(partial(self._before_layer, block), with_kwargs=True)

    def _before_layer(
        self, block: nn.Module, layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Change the hidden states that a layer is called with."""
        if not self.is_bound:
            return None
        hidden = inputs[0] if inputs else named["hidden_states"]
        media, sight = self.sight(*hidden.shape[:2])
        changed = _run(block, layer, hidden, media.tokens, sight)
        if inputs:
            return (changed, *inputs[1:]), named
        return inputs, {**named, "hidden_states": changed}


def block_count(layers: int, *, first: int, every: int) -> int:
    """Blocks for an LLM of so many layers."""
    return len(range(first, layers, every))


def _run(block: nn.Module, layer: Any, *inputs: Any) -> Tensor:
    """The block, whose values are not kept but computed again in the backward pass where the layer's are."""
    if layer.gradient_checkpointing and layer.training:
        recomputed: Tensor = checkpoint(block, *inputs, use_reentrant=False)
        return recomputed
    changed: Tensor = block(*inputs)
    return changed
