"""The encoder architectures: macaw's own and those that other packages add.

An architecture of macaw is a file of this folder and its `model_type` in `ARCHITECTURES`. Another package adds one by
an entry point in the group `macaw.encoders` that names the class: see docs/own-parts.md.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.plug_ins import plug_ins
from macaw_cli.encoders.audio_encoder import AudioEncoder
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.image_encoder import ImageEncoder

GROUP = "macaw.encoders"
"""The group of entry points."""
ARCHITECTURES: dict[str, dict[str, str]] = {
    "image_encoder": {
        "blip-2": "macaw_cli.encoders.blip2:Blip2Encoder",
        "blip_2_vision_model": "macaw_cli.encoders.blip2:Blip2Encoder",
        "clip": "macaw_cli.encoders.clip:ClipEncoder",
        "clip_vision_model": "macaw_cli.encoders.clip:ClipEncoder",
        "idefics3": "macaw_cli.encoders.idefics3:Idefics3Encoder",
        "idefics3_vision": "macaw_cli.encoders.idefics3:Idefics3Encoder",
        "instructblip": "macaw_cli.encoders.blip2:Blip2Encoder",
        "instructblip_vision_model": "macaw_cli.encoders.blip2:Blip2Encoder",
        "internvl": "macaw_cli.encoders.internvl:InternVLEncoder",
        "internvl_vision": "macaw_cli.encoders.internvl:InternVLEncoder",
        "siglip": "macaw_cli.encoders.siglip:SiglipEncoder",
        "siglip_vision_model": "macaw_cli.encoders.siglip:SiglipEncoder",
        "siglip2": "macaw_cli.encoders.siglip2:Siglip2Encoder",
        "siglip2_vision_model": "macaw_cli.encoders.siglip2:Siglip2Encoder",
        "dinov2": "macaw_cli.encoders.dinov2:Dinov2Encoder",
        "dinov2_with_registers": "macaw_cli.encoders.dinov2:Dinov2Encoder",
    },
    "audio_encoder": {
        "whisper": "macaw_cli.encoders.whisper:WhisperAudioEncoder",
        "glmasr": "macaw_cli.encoders.glm_asr:GlmAsrTower",
        "glmasr_encoder": "macaw_cli.encoders.glm_asr:GlmAsrTower",
        "qwen2_audio": "macaw_cli.encoders.qwen2_audio:Qwen2AudioTower",
        "qwen2_audio_encoder": "macaw_cli.encoders.qwen2_audio:Qwen2AudioTower",
        "unpadded_whisper": "macaw_cli.encoders.unpadded_whisper:UnpaddedWhisperEncoder",
        "wav2vec2": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "hubert": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "wavlm": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "wav2vec2-bert": "macaw_cli.encoders.wav2vec2_bert:Wav2Vec2BertEncoder",
    },
}
"""Settings section to `model_type` of a config.json to the class that serves it, imported on use."""

USUAL_ARCHITECTURES = {"image_encoder": "clip_vision_model", "audio_encoder": "whisper"}
"""Assumed where a processor stands alone, without the encoder's configuration."""


def _of_packages() -> Mapping[tuple[str, str], tuple[str, type[FrozenEncoder]]]:
    """Section and `model_type` to another package and its class.

    Raises:
        UsageError: an entry point names no class that can be used.
    """
    found: dict[tuple[str, str], tuple[str, type[FrozenEncoder]]] = {}
    for package, kind in plug_ins(GROUP):
        if wrong := _problem(kind, found):
            raise UsageError(
                f"The package {package} adds an encoder that cannot be used: {wrong}.",
                f"Repair the package, or uninstall it: pip uninstall {package}.",
            )
        found |= {(kind.section, model_type): (package, kind) for model_type in kind.model_types}
    return MappingProxyType(found)


def _problem(kind: Any, found: Mapping[tuple[str, str], Any]) -> str:
    """What is wrong with a class; empty where nothing is."""
    if not isinstance(kind, type) or not issubclass(kind, ImageEncoder | AudioEncoder):
        return f"{getattr(kind, '__name__', kind)!s} is not a subclass of ImageEncoder or AudioEncoder"
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        return f"{kind.__name__} does not define {missing[0]}"
    types = kind.model_types
    if not isinstance(types, tuple) or not types or not all(isinstance(one, str) for one in types):
        return f"`{kind.__name__}.model_types` must be a tuple of the types that it serves"
    taken = [one for one in types if one in ARCHITECTURES[kind.section] or (kind.section, one) in found]
    return f"there is an encoder for the model_type {taken[0]} already" if taken else ""


OF_PACKAGES = _of_packages()
"""Section and `model_type` to package and class; read here, so that a package can register configurations first."""


def encoder_class(section: str, model_type: str) -> type[FrozenEncoder]:
    """The class behind a `model_type`.

    Raises:
        UsageError: the architecture is not known.
    """
    if (section, model_type) in OF_PACKAGES:
        return OF_PACKAGES[section, model_type][1]
    known = ARCHITECTURES[section]
    if model_type not in known:
        names = [*known, *(name for place, name in OF_PACKAGES if place == section)]
        raise UsageError(
            f"`features.{section}.model`: expected one of the architectures {', '.join(names)}, found {model_type}.",
            "Choose another encoder, or install the package that adds this architecture.",
        )
    found: type[FrozenEncoder] = named_object(known[model_type])
    return found


def package_of(section: str, model_type: str) -> str | None:
    """The package that adds an architecture; None for macaw's own and unknown ones."""
    return OF_PACKAGES.get((section, model_type), (None,))[0]
