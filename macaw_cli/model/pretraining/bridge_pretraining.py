"""What a stage with the objective `media-text` trains: the `q-former` bridges of a model, each with its text half.

The parameters of the bridges are the model's own, so what is learned is in the model at once. The text half and the
heads are new ones and belong to the stage, but for what a bridge that reads the instruction has of a text half itself.
The LLM is no part of this module: it is neither run nor moved to a GPU.

What deviates from BLIP-2: the words are those of the LLM's tokenizer and start at random, where the original has
BERT's. Media are compared with the texts of their own packed sequence, not with those of all processes, so that a
training comes to the same at any number of them. A medium is read in one piece, also where the bridge reads the frames
of a video or the windows of an audio file one by one.

Letters: B pairs, N feature tokens, C channels, L text tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from macaw_cli.config.training_settings import GROUPS
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.media_batch import padded
from macaw_cli.model.bridges.centering import Centering
from macaw_cli.model.bridges.q_former import QFormerBridge
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.initial_weights import initialise
from macaw_cli.model.partitions import used_in
from macaw_cli.model.pretraining.blip2 import Blip2Pretraining, Losses, Pairs
from macaw_cli.model.tapped_layers import layer_tokens


class MediaTexts(NamedTuple):
    """Media of one modality and their texts, one each, at least two."""

    media: Sequence[Tensor]
    """(N, C) or (F, N, C) each."""
    ids: Tensor
    """(B, L), the first of each text being the one that begins it."""
    text_mask: Tensor
    """(B, L), true for text."""
    pairs: int
    """B, or 0 where they only stand in for pairs that are not there."""


@dataclass
class PairLosses:
    """Goes into a forward pass and comes out with the three losses, each summed over the pairs."""

    losses: Tensor | None = None
    """(3,) fp32, in the order of `Losses`."""


class PretrainingOutput(NamedTuple):
    """What the forward pass returns, as a model of transformers does."""

    loss: Tensor


class BridgePretraining(nn.Module):
    """The `q-former` bridges of a model with what BLIP-2's first stage adds to them.

    Args:
        model: a MacawForConditionalGeneration; its bridges' parameters become this module's as well.
        decode_id: the token that begins a text to be generated.
    """

    def __init__(self, model: Any, decode_id: int = 0) -> None:
        super().__init__()
        self.config: MacawConfig = model.config
        self.decode_id = decode_id
        bridges = {name: model.fusion.bridges[name] for name in compared_modalities(self.config)}
        self.parts = nn.ModuleDict({name: _with_text(bridge, self.config) for name, bridge in bridges.items()})
        centerings = {name: bridge.centering for name, bridge in bridges.items() if bridge.centering is not None}
        self.centerings = nn.ModuleDict(centerings)

    def trainable_groups(self) -> dict[str, dict[str, nn.Parameter]]:
        """All parameters, in the group `bridge`."""
        return {name: dict(self.named_parameters()) if name == "bridge" else {} for name in GROUPS}

    def forward(
        self, pairs: Mapping[Modality, MediaTexts], num_supervised: int, token_weights: PairLosses | None = None,
        **_: Any,
    ) -> PretrainingOutput:  # fmt: skip
        """The sum of the three losses over all pairs, divided by `num_supervised`.

        Args:
            pairs: of every modality in `parts`.
            num_supervised: what the sum is divided by.
            token_weights: gets the three losses.
        """
        summed: Tensor | None = None
        for name, part in self._each_part():
            used_in(part, cast("nn.Parameter", part.text.words.weight))  # they are the generating loss's last matrix
            losses = self._losses(name, part, pairs[name])
            summed = losses if summed is None else summed + losses
        assert summed is not None
        if token_weights is not None:
            token_weights.losses = summed.detach()
        return PretrainingOutput(summed.sum() / num_supervised)

    def _each_part(self) -> Iterator[tuple[str, Blip2Pretraining]]:
        yield from self.parts.items()  # type: ignore[misc]

    def _losses(self, name: Modality, part: Blip2Pretraining, given: MediaTexts) -> Tensor:
        media = [layer_tokens(self.config, name, medium)[-1].flatten(0, -2) for medium in given.media]
        if name in self.centerings:
            media = cast("Centering", self.centerings[name]).centered(media)
        features, mask = padded(media)
        found: Losses = part(Pairs(features, mask, given.ids, given.text_mask), self.decode_id)
        return torch.stack(found).float() * given.pairs


def compared_modalities(config: MacawConfig) -> tuple[Modality, ...]:
    """The modalities with a `q-former` bridge."""
    return tuple(name for name in config.modalities if config.bridge_settings(name).name == "q-former")


def _with_text(bridge: QFormerBridge, config: MacawConfig) -> Blip2Pretraining:
    """The bridge's own parameters with a new text half and new heads, under the names of both."""
    settings = bridge.settings
    part = Blip2Pretraining(
        bridge.new_q_former("returned"), bridge.width, bridge.channels, tokens=settings.tokens,
        vocabulary=config.vocabulary_size, feature_norm=settings.feature_norm,
    )  # fmt: skip
    part.apply(lambda module: initialise(module, config.initial_embedding_std))
    own = dict(part.named_parameters())
    for name, parameter in bridge.named_parameters():
        if name in own and own[name].shape == getattr(parameter, "ds_shape", parameter.shape):
            place, _, last = name.rpartition(".")
            setattr(part.get_submodule(place), last, parameter)
    return part
