"""MacawProcessor: conversations and media to model inputs, and ids back to text."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoFeatureExtractor, BatchFeature

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields
from macaw_cli.encoders.image_processors import load_image_processor
from macaw_cli.encoders.pretrained import load_preprocessor, load_tokenizer
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.modalities.table import MODALITIES, TABLE, Modality
from macaw_cli.model.bridges.registry import read_instructions
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.raw_media import ANSWERS, RawMedia
from macaw_cli.model.text.encoding import ConversationEncoder, EncodedConversation
from macaw_cli.model.text.own_instructions import instruction_inputs
from macaw_cli.model.text.templates import TemplateName

PROCESSOR_FILE = "processor_config.json"
_PROCESSOR = Fields({}, {"template": TEXT, "max_length": COUNT, "max_tokens": COUNT})
KEYWORDS: dict[str, Modality] = {row.processor_keyword: name for name, row in TABLE.items()}
"""Keywords of raw media."""
STORED_KEYWORDS: dict[str, Modality] = {row.features_keyword: name for name, row in TABLE.items()}
"""Keywords of stored features."""
PerText = dict[Modality, list[list[Any]]]
"""Media of each text; an empty list where there are none at all."""
Conversation = str | Sequence[Mapping[str, Any]]


class MacawProcessor:
    """The tokenizer, the template and, for models with encoders inside, what prepares raw media.

    Args:
        tokenizer: the LLM's.
        config: the model's configuration.
        template: how a conversation becomes text.
        max_length: longest training conversation.
        image_processor: of the attached image encoder.
        feature_extractor: of the attached audio encoder.
    """

    def __init__(
        self, tokenizer: Any, config: MacawConfig, template: TemplateName = "alpaca", max_length: int = 512,
        image_processor: Any = None, feature_extractor: Any = None,
    ) -> None:  # fmt: skip
        self.tokenizer = tokenizer
        self.config = config
        self.image_processor = image_processor
        self.feature_extractor = feature_extractor
        self.encoder = ConversationEncoder(tokenizer, config, template, max_length)

    def __call__(
        self,
        text: Conversation | Sequence[Conversation],
        images: Sequence[Any] | None = None,
        videos: Sequence[Any] | None = None,
        audio: Sequence[Any] | None = None,
        *,
        image_features: Sequence[Any] | None = None,
        video_features: Sequence[Any] | None = None,
        audio_features: Sequence[Any] | None = None,
        **others: Sequence[Any] | None,
    ) -> BatchFeature:
        """Prompts, padded on the left, with their media, as the model and its `generate` take them.

        Args:
            text: a question, a conversation (a list of messages), or a list of either.
            images: PIL images or (H, W, 3) uint8 arrays. One list for one text; one list per text for several.
            videos: (F, H, W, 3) uint8 arrays or lists of frames, listed in the same way.
            audio: mono waveforms (samples,) at the feature extractor's sampling rate.
            image_features: features (N, C) instead of images; as the bridge reads them, after the model's view.
            video_features: features (F, N, C) instead of videos.
            audio_features: features (N, C) instead of audio.
            **others: of modalities that other packages add: `NAME`, media as their decoder gives them, and
                `NAME_features`.

        Returns:
            `input_ids` and `attention_mask` (B, T), and the media, all as tensors; with raw audio also `audio_lengths`
            (n,), samples of each audio input, where the model reads only the tokens within the audio's length.

        Raises:
            MismatchError: raw media for a model without encoders, or media that do not fit the text.
            TypeError: a keyword that no modality has.
        """
        if unknown := others.keys() - KEYWORDS.keys() - STORED_KEYWORDS.keys():
            raise TypeError(f"MacawProcessor got an unexpected keyword argument {min(unknown)!r}")
        given = {"images": images, "videos": videos, "audio": audio, **others}
        given |= {"image_features": image_features, "video_features": video_features, "audio_features": audio_features}
        single = _is_conversation(text)
        texts: list[Any] = [text] if single else list(text)
        raw = {name: _listed(given.get(keyword), single) for keyword, name in KEYWORDS.items()}
        stored = {name: _listed(given.get(keyword), single) for keyword, name in STORED_KEYWORDS.items()}
        if self.config.expert_texts and any(chain(*raw.values(), *stored.values())):
            raise MismatchError(
                "This model reads experts' texts of its media, which the processor does not make.",
                "Ask with `macaw_cli.inference.engine.Engine`, or `macaw chat`.",
            )
        media = RawMedia(self.config, self.image_processor, self.feature_extractor)
        prepared: PerText = {
            name: [[media.prepare(name, medium) for medium in row] for row in rows] for name, rows in raw.items()
        }
        prompts = [
            self.encoder.prompt(_messages(one), _shapes(media, prepared, stored, number))
            for number, one in enumerate(texts)
        ]
        data = self._padded(prompts) | instruction_inputs([prompt.instructions for prompt in prompts])
        for name in MODALITIES:
            if any(prepared[name]):
                data |= media.collated(name, list(chain(*prepared[name])))
            if any(stored[name]):
                data[f"{name}_features"] = [torch.as_tensor(np.asarray(one)) for one in chain(*stored[name])]
        return BatchFeature(data)

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> BatchFeature:
        """Like `__call__`, with the media inside the parts: `{"type": "image", "image": image}`.

        Args:
            conversation: a list of messages, or a list of such lists.
            **kwargs: `tokenize` and `return_dict` have to be true where given; others do not matter here.

        Raises:
            InputError: text alone was asked for; media have no text form.
        """
        if kwargs.get("tokenize", True) is False or kwargs.get("return_dict", True) is False:
            raise InputError(
                "A Macaw prompt cannot be returned as text, because media are token ids.",
                "Keep tokenize=True and return_dict=True.",
            )
        single = _is_conversation(conversation)
        rows = [conversation] if single else conversation
        given: dict[str, Any] = {}
        for keyword, name in KEYWORDS.items():
            media = [media_in(messages, name) for messages in rows]
            if any(media):
                given[keyword] = media[0] if single else media
        return self(conversation, **given)

    def decode(self, ids: Tensor | Sequence[int], skip_special_tokens: bool = True) -> str:
        """Ids to text; placeholders of media are left out."""
        first = min(self.config.soft_token_ids.values())
        known = [int(one) for one in ids if int(one) < first]
        text: str = self.tokenizer.decode(known, skip_special_tokens=skip_special_tokens)
        return text

    def batch_decode(self, rows: Tensor | Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """`decode` for every row."""
        return [self.decode(row, skip_special_tokens) for row in rows]

    def save_pretrained(self, folder: str | Path, **_: Any) -> None:
        """Write tokenizer and processor files; the model's `config.json` too, unless it is there."""
        folder = Path(folder)
        self.tokenizer.save_pretrained(folder)
        content: dict[str, Any] = {
            "processor_class": type(self).__name__,
            "template": self.encoder.template,
            "max_length": self.encoder.max_length,
        }
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
            raise InputError(f"{folder} holds no {PROCESSOR_FILE}.", "Name a Macaw model folder with a tokenizer.")
        content = read_object(folder / PROCESSOR_FILE, _PROCESSOR)
        with quiet_transformers():  # AutoTokenizer warns of a model type that it need not know
            return cls(
                load_tokenizer(folder),
                MacawConfig.from_pretrained(folder),
                content.get("template") or "alpaca",
                content.get("max_length") or content.get("max_tokens") or 512,  # the second is its earlier name
                load_image_processor(str(folder)) if "image_processor" in content else None,
                load_preprocessor(AutoFeatureExtractor, folder) if "feature_extractor" in content else None,
            )

    def _padded(self, prompts: list[EncodedConversation]) -> dict[str, Any]:
        longest = max(len(prompt.input_ids) for prompt in prompts)
        padding = self.tokenizer.pad_token_id or 0  # masked, so any id of the vocabulary will do
        before = [longest - len(prompt.input_ids) for prompt in prompts]
        rows = list(zip(before, prompts, strict=True))
        data = {
            "input_ids": torch.tensor([[padding] * count + prompt.input_ids for count, prompt in rows]),
            "attention_mask": torch.tensor([[0] * count + [1] * (longest - count) for count in before]),
        }
        if read_instructions(self.config):
            data[ANSWERS] = torch.tensor([[True] * count + prompt.answered for count, prompt in rows])
        return data


def _is_conversation(text: Any) -> bool:
    return isinstance(text, str) or (len(text) > 0 and isinstance(text[0], Mapping))


def _messages(text: Any) -> list[Mapping[str, Any]]:
    return [{"role": "user", "content": text}] if isinstance(text, str) else list(text)


def _listed(media: Any, single: bool) -> list[list[Any]]:
    """Media per text."""
    if media is None:
        return []
    return [list(media)] if single else [list(row) for row in media]


def _shapes(media: RawMedia, prepared: PerText, stored: PerText, number: int) -> list[tuple[Modality, Sequence[int]]]:
    """Modality and feature shape of every medium of text `number`."""
    shapes: list[tuple[Modality, Sequence[int]]] = []
    for name in MODALITIES:
        shapes += [(name, tuple(np.shape(medium))) for medium in _row(stored[name], number)]
        shapes += [(name, media.shape(name, medium)) for medium in _row(prepared[name], number)]
    return shapes


def _row(rows: list[list[Any]], number: int) -> list[Any]:
    return rows[number] if rows else []


def media_in(messages: Sequence[Mapping[str, Any]], modality: Modality) -> list[Any]:
    """The media of one modality in the parts of messages."""
    parts = (part for message in messages if not isinstance(message["content"], str) for part in message["content"])
    return [part[modality] for part in parts if part["type"] == modality and modality in part]
