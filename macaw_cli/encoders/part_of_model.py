"""An encoder out of the folder of a whole model, where its weights have longer names."""

from typing import Any

from torch import nn

from macaw_cli.encoders.pretrained import load_weights


def load_part(kind: Any, config: Any, source: str, revision: str, beginning: str) -> nn.Module:
    """The encoder with its weights, in fp32, from its own folder or that of the whole model.

    Args:
        kind: its class.
        config: its configuration.
        source: folder or hub id.
        revision: hub revision, or empty.
        beginning: pattern of what its names begin with in the whole model.

    Raises:
        InputError: weights are missing or damaged.
    """
    loaded = load_weights(kind, source, revision, config=config, key_mapping={f"^{beginning}": ""})
    model: nn.Module = kind(config)  # without the renaming, which saving would try to turn back
    model.load_state_dict(loaded.state_dict(), assign=True)
    return model
