"""Tokenizer and encoders for an imported checkpoint, so that it reads text and raw media."""

from dataclasses import asdict, dataclass
from typing import Any

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.feature_settings import EncoderSettings, FeatureSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.modalities.table import Modality
from macaw_cli.model.attached_encoders import attach
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.model.text.encoding import PUBLISHED_MAX_LENGTH


@dataclass(frozen=True)
class Companions:
    """What a checkpoint lacks to read text and raw media; each a folder or hub id, empty for none."""

    tokenizer: str = ""
    image_encoder: str = ""
    audio_encoder: str = ""
    llm: str = ""

    def options(self) -> dict[str, str]:
        """The options of `macaw import-checkpoint` and what they name."""
        return {f"--{name.replace('_', '-')}": place for name, place in asdict(self).items()}

    def places(self) -> list[str]:
        """Those that are named."""
        return [place for place in asdict(self).values() if place]


def attach_companions(model: MacawForConditionalGeneration, companions: Companions) -> MacawProcessor | None:
    """Make encoders part of the model, with their features of nothing, and pair it with a tokenizer.

    Args:
        model: an imported model; changed in place.
        companions: what to attach.

    Returns:
        The processor; None without a tokenizer.

    Raises:
        InputError: one of them cannot be loaded.
        MismatchError: an encoder makes features of another size, or the tokenizer has more tokens than the LLM.
    """
    image = audio = None
    if companions.image_encoder:
        image = load_image_encoder(FeatureSettings().image_encoder, companions.image_encoder, "cpu")
        _take(model, "image", image)
        _take(model, "video", image)
    if companions.audio_encoder:
        audio = load_audio_encoder(FeatureSettings().audio_encoder, companions.audio_encoder, "cpu")
        _take(model, "audio", audio)
    attach(model, _module(image), _module(audio))
    if not companions.tokenizer:
        return None
    tokenizer = _tokenizer(companions.tokenizer, model.config.vocabulary_size)
    parts = (None if image is None else image.processor, None if audio is None else audio.processor)
    return MacawProcessor(tokenizer, model.config, "as_published", PUBLISHED_MAX_LENGTH, *parts)


def _take(model: MacawForConditionalGeneration, modality: Modality, encoder: FrozenEncoder) -> None:
    expected = tuple(model.config.feature_shapes[modality])
    if encoder.feature_shape != expected[-2:]:
        raise MismatchError(
            f"The checkpoint reads {modality} features of (tokens, channels) {expected[-2:]}, "
            f"but this encoder makes {encoder.feature_shape}.",
            "The published model was trained with CLIP ViT-B/16 and Whisper base.",
        )
    nothing = encoder.encode(encoder.null_input())[0]
    model.fusion.set_null_features(modality, nothing.expand(expected))
    model.config.fingerprints[modality] = encoder.fingerprint
    settings: EncoderSettings = encoder.settings
    model.config.encoders["audio" if modality == "audio" else "image"] = asdict(settings)


def _module(encoder: FrozenEncoder | None) -> Any:
    return None if encoder is None else encoder.model


def _tokenizer(source: str, rows: int) -> Any:
    try:
        tokenizer = load_tokenizer(source)
    except InputError as error:
        problem = f"There is no tokenizer in {source} ({error.problem})."
        raise InputError(problem, error.hint or "Name a folder with one.") from None
    if len(tokenizer) > rows:
        raise MismatchError(
            f"The tokenizer in {source} has {len(tokenizer)} tokens, but the checkpoint has embeddings for {rows}.",
            "Name the tokenizer that the checkpoint was trained with.",
        )
    return tokenizer
