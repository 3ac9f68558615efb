"""How many media go through an encoder at once."""

from macaw_cli.config.feature_settings import FeatureSettings

_FAST = {"cpu": 8, "cuda": 64}
"""On a CPU larger batches are slower (measured with CLIP-B/16 on two cores: 32 at once take 20 % longer than 8, and
0.3 GB more memory), as their activations are given back to the system and asked for again for every layer."""


def batch_size(settings: FeatureSettings) -> int:
    """The setting, or what is fast on the device where the encoders run."""
    from macaw_cli.encoders.frozen import torch_device  # imports torch

    return settings.batch_size or _FAST.get(torch_device(settings.device).type, _FAST["cuda"])
