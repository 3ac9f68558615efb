"""The module of the `mean-pool` bridge, imported where a model has it."""

import torch
import torch.nn.functional as F
from torch import nn

from macaw_cli.model.bridges.bridge import Bridge


class MeanPoolBridge(Bridge):
    """(N, C) -> (tokens, D); the frames of a video stand one after the other."""

    def __init__(self, channels, hidden_size, tokens):
        super().__init__()
        self.tokens, self.projection = tokens, nn.Linear(channels, hidden_size)

    @classmethod
    def from_config(cls, config, modality):
        channels = config.feature_shapes[modality][-1]
        return cls(channels, config.embedding_size, config.bridge_settings(modality).tokens)

    @staticmethod
    def soft_tokens(config, modality, shape):
        return config.bridge_settings(modality).tokens

    def smallest_input(self):
        return (1, self.projection.in_features)

    def forward(self, features, context):
        rows = [medium.flatten(0, -2).T for medium in features]
        pooled = [F.adaptive_avg_pool1d(row, self.tokens).T for row in rows]
        return self.projection(torch.cat(pooled))
