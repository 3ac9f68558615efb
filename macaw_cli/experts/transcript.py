"""Transcripts by a whole Whisper: its encoder hears windows of 30 s, its decoder writes them greedily.

Source: Radford et al. 2022 (arXiv 2212.04356). The windows stand side by side: unlike the paper's long-form decoding
(section 3.8), none begins where the last segment of the one before ended.

The decoder reads the encoder's last states as a feature store keeps them, rounded to fp16. So a store of the same
encoder with whole windows (`audio_padding: keep`) and the audio file give the same transcript.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.config.experts.transcript import TranscriptSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder, torch_device, weights_hash
from macaw_cli.encoders.pretrained import load_tokenizer, load_weights, model_config
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.experts.expert import FileExpert, Medium, StoredFeatures, Surroundings
from macaw_cli.experts.same_features import are_features_of
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.modalities.table import Modality

WINDOWS_AT_ONCE = 8
SECONDS_PER_TIMESTAMP = 0.02
"""Of Whisper's timestamp tokens."""
_FOR_IMAGES = frozenset({"projection", "post_layernorm"})
"""Settings of encoders that Whisper's does not read."""


class TranscriptExpert(FileExpert[TranscriptSettings]):
    """Transcribes audio files and soundtracks.

    Raises:
        InputError: the model is no whole Whisper, or its files cannot be read.
        UsageError: no model is named.
    """

    nothing = "no speech"

    def __init__(self, settings: TranscriptSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        source, revision = surroundings.model, settings.revision
        config = model_config(source, revision, "audio_encoder")
        _require_whole(config, source)
        from transformers import WhisperForConditionalGeneration

        with quiet_transformers():
            model = load_weights(WhisperForConditionalGeneration, source, revision)
        kind = encoder_class("audio_encoder", "whisper")
        chosen = EncoderSettings(projection=False)
        processor = kind.load_processor(config, source, EncoderSettings(projection=False, revision=revision))
        device = torch_device(surroundings.device)
        whole = weights_hash(model)
        self._encoder: FrozenEncoder = kind(model.model.encoder, processor, chosen, device, "fp32")
        self._model: Any = model.eval().requires_grad_(False).to(device)
        self._tokenizer = load_tokenizer(source)
        self._multilingual = bool(getattr(model.generation_config, "is_multilingual", False))
        if settings.language and not self._multilingual:
            raise InputError(
                f"{source} knows one language only, but the transcript's language is set to {settings.language}.",
                "Leave language out, or name a multilingual Whisper.",
            )
        self.fingerprint = {
            "weights": whole, "preprocessing": self._encoder.preprocessing(), "language": settings.language,
            "task": settings.task, "timestamps": settings.timestamps, "windows": settings.windows,
            "max_new_tokens": settings.max_new_tokens,
        }  # fmt: skip

    def text(self, medium: Medium) -> str:
        """See `Expert.text`."""
        states = self._stored(medium.stored) if medium.stored else None
        return self.text_of_file(medium) if states is None else self._written(states)

    def decoding(self, modality: Modality) -> Request:
        """See `FileExpert.decoding`: as many windows of audio as the settings say."""
        most = self.settings.windows
        return {
            "modality": "audio", "sampling_rate": self._encoder.sampling_rate,
            "max_seconds": most and most * float(self._encoder.max_seconds or 0),
        }  # fmt: skip

    def text_of(self, decoded: Decoded, modality: Modality) -> str:
        """See `FileExpert.text_of`."""
        return self._written(self._heard(decoded[1]["audio"]))

    def _written(self, states: Tensor) -> str:
        """The transcript of states (windows, positions, hidden size)."""
        parts: list[str] = []
        for first in range(0, len(states), WINDOWS_AT_ONCE):
            written = self._decoded(states[first : first + WINDOWS_AT_ONCE])
            parts += [self._as_text(ids, first + at) for at, ids in enumerate(written)]
        return ("\n" if self.settings.timestamps else " ").join(filter(None, parts))

    def _stored(self, stored: StoredFeatures) -> Tensor | None:
        """(windows, positions, hidden size) out of a store; None where it does not hold them whole."""
        kept = stored.fingerprint.get("audio_padding", "keep") == "keep"
        if not kept or not are_features_of(self._encoder.fingerprint, stored.fingerprint, _FOR_IMAGES):
            return None
        positions, window = int(self._model.config.max_source_positions), float(self._encoder.max_seconds or 0)
        seconds = stored.about().get("duration")
        if seconds is None:
            return None
        wanted = max(1, math.ceil(round(float(seconds), 3) / window))
        wanted = min(wanted, self.settings.windows or wanted)
        if stored.shape[0] < wanted * positions:
            return None
        array = np.asarray(stored.array())[: wanted * positions].reshape(wanted, positions, -1)
        return torch.from_numpy(array.astype(np.float32)).to(self._encoder.device)

    def _heard(self, samples: np.ndarray) -> Tensor:
        """(windows, positions, hidden size) of samples (n,) of audio."""
        windows = cut_windows(samples, self._encoder.processor, self.settings.windows or len(samples))
        batches = [windows[at : at + WINDOWS_AT_ONCE] for at in range(0, len(windows), WINDOWS_AT_ONCE)]
        states: list[Tensor] = []
        for batch in batches:
            states += list(self._encoder.encode(self._encoder.prepare(batch)))
        return torch.stack(states).half().float()

    def _decoded(self, states: Tensor) -> list[list[int]]:
        """Token ids of each window, without what precedes the transcript."""
        from transformers.modeling_outputs import BaseModelOutput

        spoken = {"task": self.settings.task, "language": self.settings.language or None} if self._multilingual else {}
        limit = int(self._model.config.max_target_positions) - 8  # what precedes a transcript takes places too
        with torch.inference_mode(), quiet_transformers():
            ids = self._model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=states), do_sample=False, num_beams=1,
                return_timestamps=self.settings.timestamps, max_new_tokens=min(self.settings.max_new_tokens, limit),
                force_unique_generate_call=True, **spoken,  # else it goes on where timestamps end, without an encoder
            )  # fmt: skip
        return [row.tolist() for row in ids]

    def _as_text(self, ids: list[int], window: int) -> str:
        if not self.settings.timestamps:
            return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
        begin = window * float(self._encoder.max_seconds or 0)
        lines = [
            f"[{begin + start:.1f}-{begin + end:.1f}] {text}"
            for start, end, part in self._segments(ids)
            if (text := str(self._tokenizer.decode(part, skip_special_tokens=True)).strip())
        ]
        return "\n".join(lines)

    def _segments(self, ids: list[int]) -> Iterator[tuple[float, float, list[int]]]:
        """Start and end in seconds within the window, and the tokens between; what lacks an end reaches to its last."""
        first = int(self._model.generation_config.no_timestamps_token_id) + 1
        start, part = 0.0, list[int]()
        for token in ids:
            if token < first:
                part.append(token)
                continue
            time = (token - first) * SECONDS_PER_TIMESTAMP
            if part:
                yield start, time, part
                part = []
            start = time
        if part:
            yield start, float(self._encoder.max_seconds or 0), part


def _require_whole(config: Any, source: str) -> None:
    """Refuse what is no Whisper with its decoder.

    Raises:
        InputError: with what it is.
    """
    kinds = config.architectures or ()
    if config.model_type != "whisper" or "WhisperForConditionalGeneration" not in kinds:
        found = ", ".join(kinds) or config.model_type
        raise InputError(
            f"The expert transcript needs a whole Whisper, with its decoder; {source} is {found}.",
            "Name the folder of one: `dataset.experts: [{name: transcript, model: FOLDER}]`.",
        )
