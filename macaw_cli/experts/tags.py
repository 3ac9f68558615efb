"""Zero-shot tags by CLIP: the labels whose texts are most similar to an image.

Source: Radford et al. 2021 (arXiv 2103.00020), section 3.1: cosine of the projected embeddings; with several prompts
the mean of the normalised text vectors, normalised again (3.1.4). Lines per second of a video as in VideoChat-Text (Li
et al. 2023, arXiv 2305.06355).

Embeddings are rounded to fp16, as a feature store keeps them: so a store of the same encoder with class tokens behind
post layer norm and projection, and the image file, give the same tags.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.config.experts.tags import TagsSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import weights_hash
from macaw_cli.encoders.loading import load_image_encoder
from macaw_cli.encoders.pretrained import load_tokenizer, load_weights, model_config
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.experts.expert import FileExpert, Medium, StoredFeatures, Surroundings
from macaw_cli.experts.same_features import are_features_of
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.modalities.table import Modality

TEXTS_AT_ONCE = 256
BETWEEN = " | "
"""Stands between tags, as in VideoChat-Text."""


class TagsExpert(FileExpert[TagsSettings]):
    """Tags images, and the frames of videos.

    Raises:
        InputError: the model is no whole CLIP, its files cannot be read, or there are no labels.
        UsageError: no model is named.
    """

    nothing = "none"

    def __init__(self, settings: TagsSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._labels = list(surroundings.labels)
        if not self._labels:
            raise InputError(
                "The expert tags has no labels.",
                "Name a text file with one label on each line: `{name: tags, labels: labels.txt}`.",
            )
        source = surroundings.model
        config = model_config(source, settings.revision, "image_encoder")
        _require_whole(config, source)
        self._frames = settings.frames or surroundings.frames
        chosen = EncoderSettings(cls="only", post_layernorm=True, revision=settings.revision)
        self._encoder = load_image_encoder(chosen, source, surroundings.device)
        vectors, weights = self._text_vectors(config, source)
        self._vectors = vectors.to(self._encoder.device)
        self.fingerprint = {
            "image_weights": self._encoder.fingerprint["weights"], "text_weights": weights,
            "preprocessing": self._encoder.preprocessing(), "labels": self._labels,
            "templates": list(settings.templates), "top": settings.top, "threshold": settings.threshold,
            "frames": self._frames,
        }  # fmt: skip

    def text(self, medium: Medium) -> str:
        """See `Expert.text`: of an image its tags, of a video a line for each second of which a frame was taken."""
        vectors = self._stored(medium.stored) if medium.stored else None
        if vectors is None or medium.stored is None:
            return self.text_of_file(medium)
        return self._tags(vectors, medium.modality, medium.stored.about().get("frame_times") or ())

    def decoding(self, modality: Modality) -> Request:
        """See `FileExpert.decoding`."""
        return {"modality": "video", "frames": self._frames} if modality == "video" else {"modality": modality}

    def text_of(self, decoded: Decoded, modality: Modality) -> str:
        """See `FileExpert.text_of`."""
        meta, arrays = decoded
        images = arrays["video"] if modality == "video" else [arrays[modality]]
        return self._tags(self._seen([Image.fromarray(one) for one in images]), modality, meta.get("frame_times", ()))

    def _tags(self, vectors: Tensor, modality: Modality, times: Sequence[float]) -> str:
        """The text of an image (1, channels), or of frames (n, channels) with their times in seconds."""
        if modality == "video":
            return self._lines(vectors, times)
        return BETWEEN.join(self._labels[at] for at in self._chosen(vectors)[0])

    def said(self, text: str, modality: Modality) -> str:
        """The lines of a video stand as they are."""
        return text if modality == "video" and text else super().said(text, modality)

    def _lines(self, vectors: Tensor, times: Sequence[float]) -> str:
        """`Second i: tag | tag`; frames of the same second make one line."""
        seconds: dict[int, dict[int, None]] = {}
        for time, chosen in zip(times, self._chosen(vectors), strict=True):
            seconds.setdefault(int(time), {}).update(dict.fromkeys(chosen))
        return "\n".join(
            f"Second {second}: {BETWEEN.join(self._labels[at] for at in chosen)}"
            for second, chosen in sorted(seconds.items()) if chosen
        )  # fmt: skip

    def _chosen(self, vectors: Tensor) -> list[list[int]]:
        """Numbers of the labels of each vector (n, channels), the most similar first; of equal ones the first."""
        cosines = torch.nn.functional.normalize(vectors, dim=-1) @ self._vectors.T
        found: list[list[int]] = []
        for row in cosines.tolist():
            order = sorted(range(len(row)), key=lambda at: (-row[at], at))
            least = self.settings.threshold
            order = order if least is None else [at for at in order if row[at] >= least]
            found.append(order[: self.settings.top])
        return found

    def _seen(self, images: list[Any]) -> Tensor:
        """(n, channels) of images."""
        encoded = self._encoder.encode(self._encoder.prepare(images))
        return torch.stack([tokens[0] for tokens in encoded]).half().float()

    def _stored(self, stored: StoredFeatures) -> Tensor | None:
        """(n, channels) out of a store; None where it does not hold them."""
        made = stored.fingerprint
        if made.get("cls") not in ("only", "keep") or not are_features_of(self._encoder.fingerprint, made):
            return None
        if len(stored.shape) == 3 and (stored.shape[0] != self._frames or made.get("pool_frames")):
            return None
        if len(stored.shape) == 3 and len(stored.about().get("frame_times") or ()) != stored.shape[0]:
            return None
        array = np.asarray(stored.array())
        tokens = array[None, 0] if array.ndim == 2 else array[:, 0]
        return torch.from_numpy(tokens.astype(np.float32)).to(self._encoder.device)

    @torch.inference_mode()
    def _text_vectors(self, config: Any, source: str) -> tuple[Tensor, str]:
        """(labels, channels) of norm 1, and the hash of the text tower's weights."""
        from transformers import CLIPTextModelWithProjection

        text_config = config.text_config
        text_config.projection_dim = config.projection_dim
        with quiet_transformers():
            tower = load_weights(CLIPTextModelWithProjection, source, self.settings.revision, config=text_config)
            tokenizer = load_tokenizer(source)
        weights = weights_hash(tower)
        tower = tower.eval().to(self._encoder.device)
        texts = [template.replace("{}", label) for label in self._labels for template in self.settings.templates]
        longest = int(text_config.max_position_embeddings)
        parts = []
        for first in range(0, len(texts), TEXTS_AT_ONCE):
            ids = tokenizer(
                texts[first : first + TEXTS_AT_ONCE], padding=True, truncation=True, max_length=longest,
                return_tensors="pt",
            ).to(self._encoder.device)  # fmt: skip
            embeds = tower(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"]).text_embeds
            parts.append(torch.nn.functional.normalize(embeds.float(), dim=-1))
        mean = torch.cat(parts).reshape(len(self._labels), len(self.settings.templates), -1).mean(1)
        return torch.nn.functional.normalize(mean, dim=-1).clone(), weights


def _require_whole(config: Any, source: str) -> None:
    """Refuse what is no CLIP with both towers.

    Raises:
        InputError: with what it is.
    """
    if config.model_type != "clip":
        raise InputError(
            f"The expert tags needs a whole CLIP, with its text tower; {source} is {config.model_type}.",
            "Name the folder of one: `dataset.experts: [{name: tags, model: FOLDER, labels: labels.txt}]`.",
        )
