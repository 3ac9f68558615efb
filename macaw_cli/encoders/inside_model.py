"""An encoder out of a model folder of macaw that holds it: an imported checkpoint, or an export."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.part_of_model import load_part


def is_macaw_model(source: str) -> bool:
    """Whether `source` is a model folder of macaw."""
    file = Path(source) / "config.json"
    return file.is_file() and read_object(file, OBJECT).get("model_type") == "macaw"


def load_inside(section: str, settings: EncoderSettings, source: str, device: Any, precision: str) -> FrozenEncoder:
    """The encoder inside a model folder of macaw; its fingerprint is that of the model.

    Args:
        section: `image_encoder` or `audio_encoder`.
        settings: which of its outputs is the feature.
        source: the folder.
        device: where it runs.
        precision: the number format it computes in.

    Raises:
        InputError: the folder holds no such encoder, or not its weights.
        UsageError: the encoder lacks what the settings ask for.
    """
    from transformers import CONFIG_MAPPING

    saved = read_object(Path(source) / "config.json", OBJECT).get(f"{section}_config")
    if not isinstance(saved, dict):
        raise InputError(
            f"The model in {source} holds no {section.replace('_', ' ')}.",
            "Name the folder or hub id of the encoder itself: `macaw inspect` shows which one it is.",
        )
    kind = encoder_class(section, str(saved.get("model_type")))  # also registers the types that are macaw's own
    values = {name: value for name, value in saved.items() if name != "model_type"}
    config = CONFIG_MAPPING[saved["model_type"]](**values)
    kind.check(config, settings)
    module = load_part(kind.module(config), config, source, "", rf"{section}\.")
    return kind(module, kind.load_processor(config, source, settings), settings, device, precision)
