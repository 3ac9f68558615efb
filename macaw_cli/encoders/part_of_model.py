"""An encoder out of the folder of a whole model, where its weights have longer names."""

from typing import Any, ClassVar

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


class PartOfModel:
    """An architecture whose published weights lie in the folder of a whole model; a base beside that of its media."""

    part: ClassVar[str]
    """Where the whole model's configuration holds that of the encoder."""
    beginning: ClassVar[str]
    """Pattern of what the encoder's names begin with in the whole model."""

    @classmethod
    def module(cls, config: Any) -> Any:
        """The encoder's class."""
        raise NotImplementedError

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """The encoder's configuration, of its own folder's or of the whole model's."""
        return getattr(config, cls.part, config)

    @classmethod
    def load_module(cls, config: Any, source: str, revision: str) -> nn.Module:
        """The encoder alone, from its own folder or that of the whole model."""
        return load_part(cls.module(config), config, source, revision, cls.beginning)
