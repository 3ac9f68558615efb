"""The audio tower of GLM-ASR: Whisper's convolutions and layers with rotary positions."""

from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.selection import Features, Prepared, audio_features
from macaw_cli.encoders.windowed_tower import WindowedTower


class GlmAsrTower(WindowedTower):
    """Waveforms to (tokens, hidden size), one token per 20 ms: padding is attended to, as published, not returned."""

    @classmethod
    def module(cls, config: Any) -> Any:
        """`GlmAsrEncoder`."""
        from transformers import GlmAsrEncoder

        return GlmAsrEncoder

    @classmethod
    def select(cls, model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.audio_features`; each audio file has its own number of tokens."""
        inputs = prepared if isinstance(prepared, Tensor) else torch.stack(prepared)
        wanted = {"output_hidden_states": True} if settings.layer != -1 else {}
        output = model(inputs[:, :-1], **wanted)
        states = output.hidden_states if wanted else (output.last_hidden_state,)
        counts = [cls.positions(int(count)) for count in inputs[:, -1].sum(-1).tolist()]
        heard = ([state[at, None, :count] for state in states] for at, count in enumerate(counts))
        return [audio_features(one, model.norm, settings)[0] for one in heard]

    @staticmethod
    def window_steps(config: Any) -> int:
        """Two for each position."""
        return int(config.max_position_embeddings) * 2

    @staticmethod
    def positions(steps: int) -> int:
        """Halved by the second convolution."""
        return (steps - 1) // 2 + 1
