"""What an export is proved on: conversations with raw media, the same for the source and for whoever loads it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from macaw_cli.export.proving.sample_media import QUESTION, sample_media
from macaw_cli.modalities.table import TABLE, Modality

TEXT_QUESTION = "Name three colours."


@dataclass(frozen=True)
class ProofExample:
    """One conversation that ends with a question, and its media."""

    messages: tuple[dict[str, Any], ...]
    """Canonical messages; media without a part of their own come before the first question."""
    media: tuple[tuple[Modality, NDArray[Any]], ...] = ()
    """Modality and raw medium, in order of appearance: an image (H, W, 3) uint8, a video (F, H, W, 3) uint8, audio
    (samples,) fp32 at the encoder's rate; of a modality without an encoder its features (N, C) fp32."""
    origin: str = "noise"
    """The file of the medium, or `noise`."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Of its media, in order."""
        return tuple(modality for modality, _ in self.media)


def proof_examples(
    config: Any, sampling_rate: int, files: Iterable[tuple[str, Modality, NDArray[Any]]] = (),
    modalities: Sequence[Modality] | None = None,
) -> tuple[ProofExample, ...]:  # fmt: skip
    """Examples for a model: all of its modalities at once, each alone, real media, and text alone.

    Args:
        config: the model's configuration.
        sampling_rate: of the audio, in Hz.
        files: real media, see `real_media`.
        modalities: of the examples; None for those that the model is fed.
    """
    media = tuple(sample_media(config, sampling_rate, modalities).items())
    asked = ({"role": "user", "content": QUESTION},)
    examples = [ProofExample(asked, media)] if len(media) > 1 else []
    examples += [ProofExample(asked, (one,)) for one in media]
    examples += [ProofExample(asked, ((modality, medium),), name) for name, modality, medium in files]
    if not config.null_features:
        examples.append(ProofExample(({"role": "user", "content": TEXT_QUESTION},)))
    return tuple(examples)


def modalities_of(examples: Sequence[ProofExample]) -> tuple[Modality, ...]:
    """Those that occur in examples, in the order of the table."""
    return tuple(name for name in TABLE if any(name in example.modalities for example in examples))
