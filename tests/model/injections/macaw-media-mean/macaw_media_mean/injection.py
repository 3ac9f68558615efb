"""The module of the `media-mean` injection, imported where a model has it."""

from torch import nn

from macaw_cli.model.blocks.zero_layers import ZeroLinear
from macaw_cli.model.injections.blocks_before_layers import BlocksBeforeLayers, block_count


class MediaMean(BlocksBeforeLayers):
    """`y += W mean(media)`, with W = 0 at the start."""

    @classmethod
    def from_config(cls, config):
        settings, text = config.injection_settings, config.text_config
        count = block_count(text.num_hidden_layers, first=0, every=settings.every)
        blocks = [MeanBlock(config.embedding_size, text.hidden_size) for _ in range(count)]
        return cls(settings.name, blocks, first=0, every=settings.every)


class MeanBlock(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.projection = ZeroLinear(channels, width, bias=False)

    def forward(self, hidden, media, sight):
        """Hidden states (B, T, D), changed by soft tokens (S, C); `sight.tokens` (B, T, S): what positions see."""
        share = sight.tokens / sight.tokens.sum(dim=-1, keepdim=True).clamp(min=1)
        return hidden + share.to(hidden.dtype) @ self.projection(media.to(hidden.dtype))
