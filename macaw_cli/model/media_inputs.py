"""From ids and features to what the LLM reads: the part of the model's forward pass that is about media.

Letters: B rows, T positions, D width.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.settings import Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.fusion import FusedInputs, insert_after_first, place_soft_tokens, require_equal_counts

if TYPE_CHECKING:
    from macaw_cli.model.modeling import MacawForConditionalGeneration


class MediaFusion:
    """One forward pass's fusion, on one model."""

    def __init__(self, model: "MacawForConditionalGeneration") -> None:
        self.model = model
        self.config = model.config

    def fuse(
        self, input_ids: Tensor, attention_mask: Tensor | None, labels: Tensor | None, features: dict[Modality, list[Tensor]]
    ) -> FusedInputs:
        """Embed the text and tags, make soft tokens and put them in their places.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T) or None.
            labels: (B, T) or None.
            features: one tensor per medium, per modality.

        Raises:
            MismatchError: the numbers of placeholders and soft tokens differ, per modality.
        """
        if self.config.null_media and not (input_ids >= min(self.config.soft_token_ids.values())).any():
            block = self.published_block(features, len(input_ids)).to(input_ids)
            input_ids, attention_mask, labels = insert_after_first(input_ids, attention_mask, labels, block)
        self._check(input_ids, features)
        embeds = self.embed_text(input_ids)
        context = self.model.context()
        for name in self.config.modalities:
            null_places = input_ids == self.config.null_token_ids[name] if self.config.null_media else None
            with_null = null_places is not None and bool(null_places.any())
            media = [medium.to(embeds) for medium in features[name]]
            if with_null:
                media.append(self.null_features(name).to(embeds))
            # Every rank has to run every bridge in every step, or ranks with other media wait for it forever.
            only_touch = not media and (self.model.training or hasattr(context.embedding_matrix, "ds_id"))
            if only_touch:
                media.append(embeds.new_zeros(self.model.bridges[name].smallest_input()))
            if not media:
                continue
            soft = self.model.bridges[name](media, context)
            if only_touch:
                embeds = embeds + 0.0 * soft.sum()
                continue
            if with_null:
                null_count = soft_token_count(self.config, name, self.config.feature_shapes[name])
                soft, null = soft[:-null_count], soft[-null_count:]
                embeds = place_soft_tokens(embeds, null_places, null.repeat(int(null_places.sum()) // null_count, 1))
            embeds = place_soft_tokens(embeds, input_ids == self.config.soft_token_ids[name], soft)
        return FusedInputs(embeds, attention_mask, labels)

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

    def published_block(self, features: dict[Modality, list[Tensor]], rows: int) -> Tensor:
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
                f"This model expects {modality} features in every example, and its null {modality} features are not set.",
                f"Give {modality} features, or call model.set_null_features({modality!r}, ...) with the null entry of a feature store.",
            )
        return kept

    def _check(self, input_ids: Tensor, features: dict[Modality, list[Tensor]]) -> None:
        placeholders = {name: int((input_ids == self.config.soft_token_ids[name]).sum()) for name in features}
        made = {name: sum(soft_token_count(self.config, name, one.shape) for one in media) for name, media in features.items()}
        require_equal_counts(placeholders, made)
