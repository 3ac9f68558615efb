"""All bridges of a model in one module, so that what they share is fetched once per step.

Letters: K soft tokens, D the LLM's embedding size.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.bridge import Bridge, BridgeContext, Need
from macaw_cli.model.partitions import gathered, is_partitioned, used_in


class Bridges(nn.ModuleDict):
    """The bridges by modality.

    Under ZeRO-3 the LLM's embedding matrix is whole inside this module's forward: one gather for all bridges. Which
    bridges run there, and in which order, depends on no data.

    Args:
        bridges: by modality.
        hidden_size: D.
    """

    def __init__(self, bridges: Mapping[Modality, Bridge], hidden_size: int) -> None:
        super().__init__(bridges)
        self.hidden_size = hidden_size
        self._share()

    def _share(self) -> None:
        """Give the bridges of one design what they have in common; only the first one registers it as its submodule."""
        made: dict[type[Bridge], nn.Module | None] = {}
        for bridge in self.designs():
            if type(bridge) not in made:
                made[type(bridge)] = part = bridge.make_shared()
                if part is not None:
                    bridge.shared = part
            elif (part := made[type(bridge)]) is not None:
                object.__setattr__(bridge, "shared", part)  # past torch, which would register it once more

    def designs(self) -> Iterator[Bridge]:
        """The bridges, in this module's order."""
        yield from self.values()  # type: ignore[misc]

    def may_look_at(self, embedding_matrix: nn.Parameter) -> None:
        """Have ZeRO-3 gather the matrix for `forward`, if any bridge looks at it; nothing to do elsewhere."""
        if self.need("embedding_matrix"):
            used_in(self, embedding_matrix)

    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Fit new bridges to the LLM's embedding matrix (V, D), before training."""
        for bridge in self.designs():
            bridge.calibrate(embedding_matrix)

    def start_from_head(self, head: nn.Linear) -> None:
        """Fit new bridges to the LLM's output layer, which has a weight (V, D), before training."""
        reading = [bridge for bridge in self.designs() if bridge.reads_head]
        if reading:
            with gathered(head.weight):
                for bridge in reading:
                    bridge.start_from_head(head.weight.detach())

    def centered(self) -> list[Modality]:
        """The modalities whose bridges read features around their mean."""
        return [name for name, bridge in zip(self, self.designs(), strict=True) if bridge.is_centered]

    def center(self, means: Mapping[Modality, Tensor]) -> None:
        """Fit new bridges to the features, before training: the mean (C,) of the feature tokens, per modality."""
        for name, bridge in zip(self, self.designs(), strict=True):
            if name in means:
                bridge.center(means[name])

    def need(self, what: Need) -> bool:
        """Whether any bridge needs this of its context."""
        return any(what in bridge.needs for bridge in self.designs())

    def forward(
        self, media: Mapping[Modality, Sequence[Tensor]], embedding_matrix: nn.Parameter,
        examples: Mapping[Modality, Sequence[int]] = MappingProxyType({}),
        instructions: Mapping[Modality, Sequence[Tensor]] = MappingProxyType({}),
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Soft tokens of all media, (K, D) per modality, in this module's order.

        Args:
            media: features per medium, per modality; every modality is there, with media or without.
            embedding_matrix: (V, D).
            examples: the number of each medium's example in the batch, per modality. Null features, which stand last
                and belong to no example, have none.
            instructions: the (L,) ids of each medium's instruction, per modality, where any bridge needs them.

        Returns:
            For an absent modality (0, D), through which the bridge's parameters get gradients of zero: every rank has
            to touch every parameter in every step, or ranks with other media wait for it forever.
        """
        made: list[Tensor] = []
        for name, bridge in self.items():
            present, belong = media[name], examples.get(name, ())
            context = BridgeContext(embedding_matrix, belong, instructions.get(name, ()))
            made.append(bridge(present, context) if present else self._touched(bridge))
        return tuple(made)

    def _touched(self, bridge: Any) -> Tensor:
        """No soft tokens (0, D), of the smallest input and one row instead of the matrix: next to no work."""
        like = next(bridge.parameters())
        nothing: Tensor = like.new_zeros(1, self.hidden_size)
        trained = self.training and any(parameter.requires_grad for parameter in bridge.parameters())
        if not trained and not is_partitioned(like):
            return nothing.narrow(0, 0, 0)
        soft: Tensor = bridge([like.new_zeros(bridge.smallest_input())], BridgeContext(nothing))
        return soft.narrow(0, 0, 0)
