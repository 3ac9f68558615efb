"""`llama-adapter-v2`: media through the prompts of the LLM's attention alone (LLaMA-Adapter V2, multimodal).

Source: arXiv 2304.15010, sections 3.2 to 3.4, and the published code. The soft tokens of a bridge, such as `linear`,
take the place of the tokens of CLIP. Learned queries read them in a small transformer, and what they become is added to
the prompts of every layer. The paper shows one image; here a position sees the sum over the media of its own example up
to there, and before the first of them the prompts alone.

The paper also trains the LLM's norms and new biases; that is a matter of what a training trains, and not done here.

Letters: B rows, T positions, P prompt vectors of a layer, D hidden size, W width of the small transformer.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.injections.llama_adapter_v2 import LlamaAdapterV2Settings
from macaw_cli.model.blocks.media_batch import padded
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.llama_adapter import (
    LlamaAdapter,
    PromptBinding,
    layers_memory,
    layers_operations,
)
from macaw_cli.model.injections.sight import Sight
from macaw_cli.model.injections.visual_prompts import VisualPrompts

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class LlamaAdapterV2(LlamaAdapter):
    """Prompts that depend on the media.

    Args:
        config: of the model.
        settings: of this design.

    Raises:
        UsageError: the heads do not divide the width.
    """

    takes_media = True

    def __init__(self, config: "MacawConfig", settings: LlamaAdapterV2Settings) -> None:
        if settings.width % settings.heads:
            raise UsageError(
                f"A width of {settings.width} cannot be shared by {settings.heads} heads.",
                "Set injection.heads to a divisor of injection.width.",
            )
        super().__init__(config, settings)
        hidden = int(cast(Any, config.text_config).hidden_size)
        self.visual = VisualPrompts(
            config.embedding_size, settings.width, hidden, queries=settings.tokens, blocks=settings.blocks,
            heads=settings.heads, expansion=settings.expansion,
        )  # fmt: skip

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Memory of all layers and of the small transformer; under gradient checkpointing, the larger part of it."""
        settings = cast("LlamaAdapterV2Settings", config.injection_settings)
        width, read = settings.width, settings.tokens + soft_tokens
        # per token and block: what enters both norms and leaves them, query, key, value, mixture, and the feed-forward
        # part before and behind its nonlinearity
        visual = read * (settings.blocks * (8 + 2 * settings.expansion) + 2) * width * value_bytes
        shown = 2 * settings.tokens * tokens * (value_bytes + 1)
        layers = layers_memory(config, tokens, 2, value_bytes, recomputed=recomputed)
        return shown + (max(layers, float(visual)) if recomputed else layers + visual)

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Operations of all layers and of the small transformer, which runs also where there is no medium."""
        settings = cast("LlamaAdapterV2Settings", config.injection_settings)
        width, count, hidden = settings.width, settings.tokens, int(cast(Any, config.text_config).hidden_size)
        visual = len(media) ** 2 * count * hidden
        for soft in media or (1,):
            read = count + soft
            block = read * width * width * (4 + 2 * settings.expansion) + 2 * read * read * width
            visual += soft * config.embedding_size * width + settings.blocks * block + count * width * hidden
        return 2.0 * visual + layers_operations(config, tokens, 1 + max(len(media), 1))

    def bind(self, media: BoundMedia, offset: int, shape: tuple[int, int]) -> None:
        """Read the media, once per call, and let the layers read the prompts; arguments as in `Injection.bind`."""
        super().bind(media, offset, shape)
        added = media.once(self.name, partial(self._read, media))
        count = added.shape[1]
        prompts_of = torch.arange(1 + len(added), device=added.device).repeat_interleave(count)
        now = cast("PromptBinding", self._bound)
        now.added = added
        now.of_prompts = Sight((media.latest(*shape, offset) + 1)[:, :, None] == prompts_of)

    def _read(self, media: BoundMedia) -> Tensor:
        """(media, P, D): for each medium the sum over it and the media before it in its example."""
        tokens = media.tokens.to(self.visual.queries.dtype)
        inputs = padded(torch.split(tokens, list(media.counts or (1,))))
        if self.training and self.layers[0].gradient_checkpointing:
            read: Tensor = checkpoint(self.visual, *inputs, use_reentrant=False)
        else:
            read = self.visual(*inputs)
        if not len(media.rows):
            return read
        same = (media.rows[:, None] == media.rows) & (media.ends[:, None] == media.ends)
        before = same & (media.places <= media.places[:, None])
        return (before.to(read.dtype) @ read.flatten(1)).view_as(read)
