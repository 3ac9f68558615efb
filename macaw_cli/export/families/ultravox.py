"""Ultravox: Whisper's encoder, frames stacked and gated, an LLM (github.com/fixie-ai/ultravox, versions 0.3 to 0.6).

It is no class of transformers: its folders bring code, which is not run. They hold the projector, and only what else
was trained: the encoder and the LLM are often named by a hub id.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor
from transformers import CONFIG_MAPPING

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, TEXT, Fields, Kind, or_null
from macaw_cli.config.bridges.ultravox import UltravoxBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.pretrained import load_causal_lm, load_config
from macaw_cli.encoders.unpadded_whisper import UnpaddedWhisperConfig
from macaw_cli.encoders.whisper import WhisperAudioEncoder
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.family import Description, Family, Original, refused
from macaw_cli.export.weight_files import read_weights

BRIDGE = "fusion.bridges.audio."
_COUNT = Kind("a whole number from 1", int, lambda value: value > 0)
_SAID = Fields(
    {"stack_factor": _COUNT, "hidden_size": _COUNT},
    {"audio_config": OBJECT, "text_config": OBJECT, "audio_model_id": or_null(TEXT), "text_model_id": or_null(TEXT),
     "projector_act": TEXT},
)  # fmt: skip


class Ultravox(Family):
    """Folders with `model_type: ultravox`."""

    name = "ultravox"
    model_types = ("ultravox",)
    modality = "audio"
    class_name = ""
    names = (
        ("audio_tower.", "audio_encoder."),
        ("audio_tower.model.encoder.", "audio_encoder."),
        ("multi_modal_projector.ln_post.", f"{BRIDGE}output_norm."),
        ("multi_modal_projector.", BRIDGE),
        ("language_model.", "language_model."),
    )
    options = ("--llm", "--audio-encoder")
    note = "Audio of up to 30 s is heard as in the original, which cuts longer audio into windows."

    @classmethod
    def config(cls, folder: Path, companions: Companions) -> Any:
        """config.json, with the configurations of the parts that it names."""
        said = read_object(folder / "config.json", _SAID)
        llm = companions.llm or said.get("text_model_id") or ""
        encoder = companions.audio_encoder or said.get("audio_model_id") or ""
        return SimpleNamespace(
            said=said, llm=llm, encoder=encoder,
            text=_part(said.get("text_config"), llm, "llama", "its LLM", "--llm"),
            audio=_part(said.get("audio_config"), encoder, "whisper", "its audio encoder", "--audio-encoder"),
        )  # fmt: skip

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer of an encoder that hears no padding; nothing stands around audio."""
        said = config.said
        if config.audio.model_type != "whisper":
            raise refused("audio_config.model_type", config.audio.model_type, "Whisper's encoder")
        if said.get("projector_act", "swiglu") != "swiglu":
            raise refused("projector_act", said["projector_act"], "projectors with swiglu")
        if said.get("audio_latency_block_size"):
            raise refused("audio_latency_block_size", said["audio_latency_block_size"], "encoders without blocks")
        bridge = UltravoxBridgeSettings(
            stride=said["stack_factor"], hidden=said["hidden_size"], norm=False,
            norm_position="middle" if said.get("projector_ln_mid") else "end",
        )  # fmt: skip
        plain = config.audio.to_dict()
        plain.pop("model_type", None)
        return Description(config.text, UnpaddedWhisperConfig(**plain), EncoderSettings(projection=False), bridge)

    @classmethod
    def read(cls, folder: Path, config: Any) -> Original:
        """The weights in the folder, and those of the parts that it only names."""
        weights, _ = read_weights(folder)
        generation = None
        if not any(name.startswith("audio_tower.") for name in weights):
            _require_named(folder, config.encoder, "audio_tower", "--audio-encoder")
            say(f"The audio encoder is that of {config.encoder}.")
            encoder = WhisperAudioEncoder.load_module(config.audio, config.encoder, "")
            weights |= {f"audio_tower.{name}": tensor for name, tensor in encoder.state_dict().items()}
        if not any(name.startswith("language_model.") for name in weights):
            _require_named(folder, config.llm, "language_model", "--llm")
            say(f"The LLM is {config.llm}.")
            llm = load_causal_lm(config.llm, dtype="auto")
            weights |= {f"language_model.{name}": tensor for name, tensor in llm.state_dict().items()}
            generation = llm.generation_config
        return Original(weights, generation)

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """Files of LLMs whose head is the embedding matrix do not hold it twice."""
        embedding = weights.get("language_model.model.embed_tokens.weight")
        if embedding is not None:
            weights.setdefault("language_model.lm_head.weight", embedding)
        return weights

    @classmethod
    def processor(cls, folder: Path, config: Any) -> Any:
        """Whisper's feature extractor, which all versions take."""
        from transformers import WhisperFeatureExtractor

        mel_bins, steps = config.audio.num_mel_bins, 2 * config.audio.max_source_positions
        own = WhisperFeatureExtractor(feature_size=mel_bins)
        return WhisperFeatureExtractor(feature_size=mel_bins, chunk_length=steps * own.hop_length // own.sampling_rate)


def _part(said: Any, named: str, usual: str, what: str, option: str) -> Any:
    """The configuration of the encoder or the LLM: of the model that is named, else the section of config.json."""
    if named:
        return load_config(named)
    if not said:
        raise InputError(f"The checkpoint's config.json does not tell {what}.", f"Name it with {option}.")
    values = dict(said)
    return CONFIG_MAPPING[values.pop("model_type", usual)](**values)


def _require_named(folder: Path, named: str, part: str, option: str) -> None:
    if not named:
        raise InputError(f"{folder} holds no weights {part}.* and names no model to take them from.", f"Give {option}.")
