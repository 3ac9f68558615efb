"""The audio tower of Qwen2-Audio: a Whisper encoder whose output is averaged in pairs."""

from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.selection import Features, Prepared, audio_features, refuse, wanted_layers
from macaw_cli.encoders.windowed_tower import WindowedTower


class Qwen2AudioTower(WindowedTower):
    """Waveforms to (tokens, hidden size), one token per 40 ms: padding is neither attended to nor returned."""

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Qwen2AudioEncoder`."""
        from transformers import Qwen2AudioEncoder

        return Qwen2AudioEncoder

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """
        super().check(config, settings)
        if wanted_layers(settings) != (-1,):
            refuse(cls.section, "layer", "-1, because pairs are averaged after the last layer", settings.layer)

    @classmethod
    def select(cls, model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """The output of the tower, each audio file with its own number of tokens."""
        from transformers.masking_utils import create_bidirectional_mask

        inputs = prepared if isinstance(prepared, Tensor) else torch.stack(prepared)
        steps = inputs[:, -1].sum(-1).long()
        positions = torch.arange(model.config.max_source_positions, device=inputs.device)
        heard = positions < ((steps - 1) // 2 + 1)[:, None]  # the second convolution halves the steps
        like = inputs.new_empty(len(inputs), len(positions), 1)
        mask = create_bidirectional_mask(config=model.config, inputs_embeds=like, attention_mask=heard.long())
        output = model(inputs[:, :-1], attention_mask=mask).last_hidden_state
        counts = [cls.positions(int(count)) for count in steps.tolist()]
        tokens = (one[None, :count] for one, count in zip(output, counts, strict=True))
        return [audio_features([one], None, settings)[0] for one in tokens]

    @staticmethod
    def window_steps(config: Any) -> int:
        """Two for each position."""
        return int(config.max_source_positions) * 2

    @staticmethod
    def positions(steps: int) -> int:
        """Halved by the second convolution, and again by the average."""
        return ((steps - 1) // 2 - 1) // 2 + 1
