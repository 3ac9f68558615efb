"""Which loaders of others take a bridge as it is, with its encoder, and what keeps them from it.

A bridge declares the loaders that know its design. Each is one whose checkpoints macaw imports with equal logits, so
that the design, the encoder and its outputs are known to be the same; or one of llama.cpp's kinds of projectors, to
which `macaw export --format gguf` brings the bridge, with equal soft tokens. Begin and end tokens are no obstacle: a
loader has them as further tokens of the LLM's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from macaw_cli.modalities.table import ENCODER_OF, Modality

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

QUOTE = '"'
LLAMA_CPP = "llama.cpp "
"""What the name of each of llama.cpp's kinds begins with."""


@dataclass(frozen=True)
class StockLoader:
    """One loader and what it needs."""

    name: str
    """A class of transformers, or a kind of llama.cpp's projectors."""
    modality: Modality
    """The only one that it reads."""
    encoders: tuple[str, ...]
    """Classes of the encoders that it has."""
    bridge: Mapping[str, Any] = field(default_factory=dict)
    """Options of the bridge that are needed; a tuple where several will do, a type where any value of it will."""
    encoder: Mapping[str, Any] = field(default_factory=dict)
    """Options of the encoder, likewise; those that are not named have to be as by default, and without projection."""
    own_length: bool = False
    """Whether its encoder hears audio at its own length instead of a padded window."""
    own_tokenizer: bool = False
    """Whether its bridge reads the question with a tokenizer of its own instead of the LLM's."""

    def obstacles(self, config: "MacawConfig", modality: Modality) -> list[str]:
        """What keeps this loader from taking the model's bridge of `modality`, each in a few words; none where nothing.

        Args:
            config: of the model.
            modality: of the bridge.
        """
        if modality != self.modality:
            return [f"the loader reads {self.modality} only"]
        told = self.of_bridge(config)
        others = [name for name in config.modalities if name != modality]
        if others:
            told.append(f"the loader has no {' and no '.join(others)}")
        if config.injection:
            told.append("the loader has no injection")
        return told

    def of_bridge(self, config: "MacawConfig") -> list[str]:
        """What about the bridge and its encoder keeps this loader from taking them, each in a few words.

        Args:
            config: of the model, which has the loader's modality.
        """
        modality = self.modality
        found = config.fingerprints.get(modality, {})
        told = []
        if found.get("architecture") not in self.encoders:
            own = found.get("architecture", "unknown")
            told.append(f"the model's encoder is {own}, and the loader's {' or '.join(self.encoders)}")
        elif self.own_length and "window_seconds" not in found.get("preprocessing", {}):
            told.append("the loader hears audio at its own length, and the model in windows")
        told += _differing(self.bridge, config.bridge_settings(modality), "bridge")
        if self.own_tokenizer and not told and modality not in config.instruction_tokenizers:
            told.append(
                "the loader's bridge reads the question with a tokenizer of its own, and the model's with the LLM's: "
                "start from an imported checkpoint of the loader (training.start_from)"
            )
        needed: dict[str, Any] = {"layer": -1, "cls": "drop", "post_layernorm": False, "l2": False, "pool": ""}
        needed["image_size"] = None
        if str(found.get("architecture")).endswith("WithProjection"):  # others have none to apply
            needed["projection"] = False
        section = f"features.{ENCODER_OF.get(modality, modality)}_encoder"
        told += _differing({**needed, **self.encoder}, config.encoder_settings(modality), section)
        if config.views.get(modality):
            told.append(f"views.{modality} must have its defaults")
        return told


def _differing(needed: Mapping[str, Any], settings: Any, section: str) -> list[str]:
    """The options that are not as needed."""
    wrong = []
    for name, value in needed.items():
        found, allowed = getattr(settings, name), value if isinstance(value, tuple) else (value,)
        if isinstance(value, type):
            if not isinstance(found, value):
                wrong.append(f"{section}.{name} must be one number")
        elif found not in allowed:
            wrong.append(f"{section}.{name} must be {' or '.join(json.dumps(one).strip(QUOTE) for one in allowed)}")
    return wrong
