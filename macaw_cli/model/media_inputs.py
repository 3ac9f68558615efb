"""From ids and features to what the LLM reads: the part of the model's forward pass that is about media.

Letters: B rows, T positions, D width.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.settings import Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.fusion import FusedInputs, insert_after_first, place_soft_tokens, require_equal_counts
from macaw_cli.model.row_layout import MediaPlaces, RowLayout, media_places

if TYPE_CHECKING:
    from macaw_cli.model.modeling import MacawForConditionalGeneration

Media = dict[Modality, list[Tensor]]


class MediaFusion:
    """One forward pass's fusion, on one model."""

    def __init__(self, model: "MacawForConditionalGeneration") -> None:
        self.model = model
        self.config = model.config

    def fuse(
        self, input_ids: Tensor, attention_mask: Tensor | None, labels: Tensor | None, features: Media,
        layout: RowLayout | None = None, past_key_values: Any = None,
    ) -> FusedInputs:  # fmt: skip
        """Embed the text and tags, make soft tokens and put them in their places.

        A decode step, one new token per row after a cache, holds text alone: nobody looks for media in it.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T) or None.
            labels: (B, T) or None.
            features: one tensor per medium, per modality.
            layout: of the rows, where it is known; without it a GPU is waited for.
            past_key_values: the cache of earlier positions, if any.

        Raises:
            MismatchError: the numbers of placeholders and soft tokens differ, per modality.
        """
        if not any(features.values()) and _is_decode_step(input_ids, past_key_values):
            return FusedInputs(self.embed_text(input_ids), attention_mask, labels)
        places = layout.media if layout else media_places(input_ids, self.config)
        if self.config.null_media and not any(map(len, (*places.soft.values(), *places.null.values()))):
            block = self.published_block(features, len(input_ids)).to(input_ids)
            input_ids, attention_mask, labels = insert_after_first(input_ids, attention_mask, labels, block)
            places = media_places(input_ids, self.config)
        _require_places(self.config, places, features)
        embeds = self.embed_text(input_ids)
        for name, soft in zip(self.config.modalities, self._soft_tokens(places, embeds, features), strict=True):
            embeds = self._placed(name, embeds, places, soft)
        return FusedInputs(embeds, attention_mask, labels)

    def _soft_tokens(self, places: MediaPlaces, embeds: Tensor, features: Media) -> tuple[Tensor, ...]:
        """(K, D) per modality; those of the null medium stand last, where any row has one."""
        media = {name: [medium.to(embeds) for medium in features[name]] for name in self.config.modalities}
        for name in self.config.modalities if self.config.null_media else ():
            if len(places.null[name]):
                media[name].append(self.null_features(name).to(embeds))
        matrix = self.model.embedding_matrix
        self.model.bridges.may_look_at(matrix)
        soft: tuple[Tensor, ...] = self.model.bridges(media, matrix)
        return soft

    def _placed(self, name: Modality, embeds: Tensor, places: MediaPlaces, soft: Tensor) -> Tensor:
        """`embeds` with the soft tokens of one modality in their places."""
        null_places = places.null[name]
        if self.config.null_media and len(null_places):
            count = soft_token_count(self.config, name, self.config.feature_shapes[name])
            blocks = len(null_places) // count
            embeds = place_soft_tokens(embeds, null_places, soft[-count:].repeat(blocks, 1))
            soft = soft[:-count]
        return place_soft_tokens(embeds, places.soft[name], soft)

    def embed_text(self, input_ids: Tensor) -> Tensor:
        """(B, T, D) embeddings of text and tags; positions of media hold something that is replaced later."""
        size = self.config.vocabulary_size
        special = (input_ids >= size) & (input_ids < size + 12)
        embeds: Tensor = self.model.get_input_embeddings()(input_ids.masked_fill(special, 0))
        if self.model.tag_embeddings is None:
            return embeds
        first = min(opening for opening, _ in self.config.tag_ids.values())
        tags = (input_ids >= first) & (input_ids < first + 6)
        # looked up on every rank in every step, tags or none
        tag_embeds = self.model.tag_embeddings((input_ids - first).masked_fill(~tags, 0))
        return torch.where(tags[..., None], tag_embeds.to(embeds), embeds)

    def published_block(self, features: Media, rows: int) -> Tensor:
        """Ids of the three blocks that the published code puts after the first token; one medium per row, or null.

        Raises:
            MismatchError: a modality has neither one medium per row nor none.
        """
        ids: list[int] = []
        for name in self.config.modalities:
            media = features[name]
            if media and len(media) != rows:
                raise MismatchError(
                    f"{len(media)} {name} media were given for {rows} rows without placeholders.",
                    "Give one per row or none, or put placeholders into input_ids.",
                )
            opening, closing = self.config.tag_ids[name]
            shape = media[0].shape if media else self.config.feature_shapes[name]
            token = (self.config.soft_token_ids if media else self.config.null_token_ids)[name]
            ids += [opening, *[token] * soft_token_count(self.config, name, shape), closing]
        return torch.tensor(ids)

    def null_features(self, modality: Modality) -> Tensor:
        """The encoder's features of an all-zero input, which stand for an absent medium.

        Raises:
            MismatchError: they were never given to this model.
        """
        kept: Tensor = getattr(self.model, f"null_features_{modality}")
        if kept.isnan().any():
            raise MismatchError(
                f"This model reads {modality} features in every example; those of an absent {modality} are not set.",
                f"Give {modality} features, or import the checkpoint again with its encoders.",
            )
        return kept


def _is_decode_step(input_ids: Tensor, past_key_values: Any) -> bool:
    return input_ids.shape[1] == 1 and past_key_values is not None and past_key_values.get_seq_length() > 0


def _require_places(config: MacawConfig, places: MediaPlaces, features: Media) -> None:
    made = {
        name: sum(soft_token_count(config, name, medium.shape) for medium in media) for name, media in features.items()
    }
    require_equal_counts({name: len(places.soft[name]) for name in features}, made)
