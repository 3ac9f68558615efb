"""The settings with which `macaw extract-features` makes the features that a model reads."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.padding import window_layout
from macaw_cli.modalities.table import ENCODER_OF, EncoderRole
from macaw_cli.model.configuration import MacawConfig


def encoder_place(config: MacawConfig, role: EncoderRole, folder: Path) -> str:
    """Folder or hub id of one of a model's encoders; the model's own folder where that holds it.

    Args:
        config: of the model.
        role: of the encoder.
        folder: of the model, from which the paths of encoders are meant.
    """
    if getattr(config, f"{role}_encoder_config", None) is not None:
        return str(folder)
    named = str(config.encoders.get(role, {}).get("model", ""))
    beside = (folder / named).resolve()
    return str(beside) if named and (beside / "config.json").is_file() else named


def extraction_settings(config: MacawConfig, folder: Path) -> dict[str, Any]:
    """Dotted key to value of the settings that are not the default.

    Args:
        config: of the model.
        folder: of the model.
    """
    found: dict[str, Any] = {}
    usual = EncoderSettings()  # a section that names a model takes the defaults of its class
    for modality, role in ENCODER_OF.items():
        prints = config.fingerprints.get(modality)
        if prints is None or modality not in config.modalities:
            continue
        settings = config.encoder_settings(modality)
        section = f"features.{role}_encoder"
        found[f"{section}.model"] = encoder_place(config, role, folder)
        for name in (one.name for one in fields(EncoderSettings)):
            if name != "model" and getattr(settings, name) != getattr(usual, name):
                found[f"{section}.{name}"] = getattr(settings, name)
        if "precision" in prints:
            found["features.precision"] = prints["precision"]
        if modality == "video":
            taken = {"frames": prints.get("frames"), "pool_frames": prints.get("pool_frames")}
            found |= {f"features.{name}": count for name, count in taken.items() if count}
        if modality == "audio" and prints.get("audio_windows"):
            found["features.audio_windows"] = prints["audio_windows"]
        if modality == "audio" and window_layout(prints) and prints.get("audio_padding") != "drop":
            found["features.audio_padding"] = "keep"
    return found


def extraction_words(config: MacawConfig, folder: Path) -> list[str]:
    """The same as words of a command: `macaw extract-features --set features.image_encoder.model=llava ...`."""
    words = ["macaw", "extract-features"]
    for key, value in extraction_settings(config, folder).items():
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return words
