"""MacawProcessor: conversations and media to model inputs, and ids back to text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer, BatchFeature

from macaw_cli.basics.atomic_files import read_json, write_json
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.settings import MODALITIES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.encoding import ConversationEncoder
from macaw_cli.model.templates import TemplateName

PROCESSOR_FILE = "processor_config.json"
Conversation = str | Sequence[Mapping[str, Any]]


class MacawProcessor:
    """The tokenizer, the template and, for models with encoders inside, what prepares raw media.

    Args:
        tokenizer: the LLM's.
        config: the model's configuration.
        template: how a conversation becomes text.
        max_tokens: longest training conversation.
        image_processor: of the attached image encoder.
        feature_extractor: of the attached audio encoder.
    """

    def __init__(
        self, tokenizer: Any, config: MacawConfig, template: TemplateName = "alpaca", max_tokens: int = 512,
        image_processor: Any = None, feature_extractor: Any = None,
    ) -> None:  # fmt: skip
        self.tokenizer = tokenizer
        self.config = config
        self.image_processor = image_processor
        self.feature_extractor = feature_extractor
        self.encoder = ConversationEncoder(tokenizer, config, template, max_tokens)

    def __call__(  # noqa: PLR0913 - transformers' convention: every medium is a keyword
        self,
        text: Conversation | Sequence[Conversation],
        images: Sequence[Any] | None = None,
        videos: Sequence[Any] | None = None,
        audio: Sequence[Any] | None = None,
        *,
        image_features: Sequence[Any] | None = None,
        video_features: Sequence[Any] | None = None,
        audio_features: Sequence[Any] | None = None,
    ) -> BatchFeature:
        """Prompts, padded on the left, with their media, as the model and its `generate` take them.

        Args:
            text: a question, a conversation (a list of messages), or a list of either.
            images: PIL images or (H, W, 3) uint8 arrays. One list for one text; one list per text for several.
            videos: (F, H, W, 3) uint8 arrays or lists of frames, listed in the same way.
            audio: mono waveforms (samples,) at the feature extractor's sampling rate.
            image_features: stored features (N, C) instead of images.
            video_features: stored features (F, N, C) instead of videos.
            audio_features: stored features (N, C) instead of audio.

        Returns:
            `input_ids` and `attention_mask` (B, T), and the media, all as tensors.

        Raises:
            MismatchError: raw media for a model without encoders, or media that do not fit the text.
        """
        single = _is_conversation(text)
        conversations = [_messages(one) for one in ([text] if single else text)]  # type: ignore[list-item, arg-type]
        raw = {"image": _listed(images, single), "video": _listed(videos, single), "audio": _listed(audio, single)}
        stored = {"image": _listed(image_features, single), "video": _listed(video_features, single), "audio": _listed(audio_features, single)}
        tensors = {name: [torch.as_tensor(np.asarray(one)) for row in rows for one in row] for name, rows in stored.items()}
        data: dict[str, Any] = {f"{name}_features": media for name, media in tensors.items() if media}
        data |= self._prepared({name: [one for row in rows for one in row] for name, rows in raw.items()})
        prompts = []
        for number, messages in enumerate(conversations):
            media: list[tuple[Modality, Sequence[int]]] = []
            for name in MODALITIES:
                media += [(name, tuple(np.shape(one))) for one in _row(stored[name], number)]
                media += [(name, self.config.feature_shapes.get(name, ())) for _ in _row(raw[name], number)]
            prompts.append(self.encoder.prompt(messages, media).input_ids)
        return BatchFeature(self._padded(prompts) | data)

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> BatchFeature:
        """As `__call__`, with the media inside the parts: `{"type": "image", "image": picture}`.

        Args:
            conversation: a list of messages, or a list of such lists.
            **kwargs: `tokenize` and `return_dict` have to be true where given; others do not matter here.

        Raises:
            InputError: text alone was asked for; media have no text form.
        """
        if kwargs.get("tokenize", True) is False or kwargs.get("return_dict", True) is False:
            raise InputError("A Macaw prompt has ids for its media and no text form.", "Leave tokenize and return_dict true.")
        single = _is_conversation(conversation)
        rows = [conversation] if single else conversation
        media = {name: [_media_in(messages, name) for messages in rows] for name in MODALITIES}
        given = {
            keyword: (media[name][0] if single else media[name]) if any(media[name]) else None
            for keyword, name in (("images", "image"), ("videos", "video"), ("audio", "audio"))
        }  # fmt: skip
        return self(conversation, **given)  # type: ignore[arg-type]

    def decode(self, ids: Tensor | Sequence[int], skip_special_tokens: bool = True) -> str:
        """Ids to text; placeholders of media are left out."""
        first = min(self.config.soft_token_ids.values())
        text: str = self.tokenizer.decode([int(one) for one in ids if int(one) < first], skip_special_tokens=skip_special_tokens)
        return text

    def batch_decode(self, rows: Tensor | Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """`decode` for every row."""
        return [self.decode(row, skip_special_tokens) for row in rows]

    def save_pretrained(self, folder: str | Path, **_: Any) -> None:
        """Write tokenizer and processor files; the model's `config.json` too, unless it is there."""
        folder = Path(folder)
        self.tokenizer.save_pretrained(folder)
        content: dict[str, Any] = {
            "processor_class": type(self).__name__, "template": self.encoder.template, "max_tokens": self.encoder.max_tokens,
        }  # fmt: skip
        for name in ("image_processor", "feature_extractor"):
            part = getattr(self, name)
            if part is not None:
                content[name] = json.loads(part.to_json_string())
        write_json(folder / PROCESSOR_FILE, content)
        if not (folder / "config.json").exists():
            self.config.save_pretrained(folder)

    @classmethod
    def from_pretrained(cls, source: str | Path, **_: Any) -> Self:
        """Read what `save_pretrained` wrote.

        Raises:
            InputError: the folder holds no processor of macaw.
        """
        folder = Path(source)
        if not (folder / PROCESSOR_FILE).is_file():
            raise InputError(f"{folder} holds no {PROCESSOR_FILE}.", "It is a model without tokenizer, or not a Macaw model folder.")
        content = read_json(folder / PROCESSOR_FILE)
        return cls(
            AutoTokenizer.from_pretrained(folder),
            MacawConfig.from_pretrained(folder),
            content.get("template", "alpaca"),
            content.get("max_tokens", 512),
            AutoImageProcessor.from_pretrained(folder) if "image_processor" in content else None,
            AutoFeatureExtractor.from_pretrained(folder) if "feature_extractor" in content else None,
        )

    def _prepared(self, raw: Mapping[str, list[Any]]) -> dict[str, Tensor]:
        """Raw media of the whole batch as the encoders take them."""
        data: dict[str, Tensor] = {}
        for name, part in (("image", self.image_processor), ("video", self.image_processor), ("audio", self.feature_extractor)):
            if raw[name] and part is None:
                raise MismatchError(
                    f"Raw {name} input was given, but this model folder holds no encoder for it.",
                    f"Give {name}_features, or export the model with its encoders: macaw export.",
                )
        if raw["image"]:
            data["pixel_values"] = self.image_processor(raw["image"], return_tensors="pt").pixel_values
        if raw["video"]:
            videos = [self.image_processor(list(frames), return_tensors="pt").pixel_values for frames in raw["video"]]
            data["pixel_values_videos"] = torch.stack(videos)
        if raw["audio"]:
            rate = self.feature_extractor.sampling_rate
            data["input_features"] = self.feature_extractor(raw["audio"], sampling_rate=rate, return_tensors="pt").input_features
        return data

    def _padded(self, prompts: list[list[int]]) -> dict[str, Tensor]:
        longest = max(map(len, prompts))
        padding = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.tokenizer.eos_token_id
        ids = [[padding or 0] * (longest - len(row)) + row for row in prompts]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in prompts]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def _is_conversation(text: Any) -> bool:
    return isinstance(text, str) or (len(text) > 0 and isinstance(text[0], Mapping))


def _messages(text: Any) -> list[Mapping[str, Any]]:
    return [{"role": "user", "content": text}] if isinstance(text, str) else list(text)


def _listed(media: Any, single: bool) -> list[list[Any]]:
    """Media per text."""
    if media is None:
        return []
    return [list(media)] if single else [list(row) for row in media]


def _row(rows: list[list[Any]], number: int) -> list[Any]:
    return rows[number] if rows else []


def _media_in(messages: Sequence[Mapping[str, Any]], modality: Modality) -> list[Any]:
    parts = (part for message in messages if not isinstance(message["content"], str) for part in message["content"])
    return [part[modality] for part in parts if part["type"] == modality and modality in part]
