"""From ids and features to what the LLM reads.

Letters: B rows, T positions, D hidden size, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model import initial_weights
from macaw_cli.model.bridges.all_bridges import Bridges
from macaw_cli.model.bridges.registry import build_bridge, soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.fusion.instructions import answered, example_of, given_instructions, instruction_ids
from macaw_cli.model.fusion.placing import (
    FusedInputs,
    insert_after_first,
    place_soft_tokens,
    require_matching_media,
    require_promised_tokens,
    separated,
)
from macaw_cli.model.fusion.repeated_media import each_once, first_places, repeated
from macaw_cli.model.injections.bound_media import bound_media
from macaw_cli.model.injections.injection import Injection
from macaw_cli.model.injections.registry import injection_class
from macaw_cli.model.packing.row_layout import MediaPlaces, media_places
from macaw_cli.model.partitions import gathered
from macaw_cli.model.tapped_layers import layer_tokens

Media = dict[Modality, list[Tensor]]
NULL_FEATURES = "null_features_"


class MediaFusion(nn.Module):
    """Owns what media need beside the LLM, and puts soft tokens into their places.

    Attributes:
        bridges: one per modality.
        begin_end_embeddings: of the begin and end tokens of the modalities, two rows each; None where they are rows of
            the LLM's matrix, or there are none.
        injected: whether media reach the LLM through an injection and take one position of the input each.
        null_features_image, ...: in a `null_features` model, the encoders' features of an all-zero input.

    Args:
        config: of the model.
    """

    def __init__(self, config: MacawConfig) -> None:
        super().__init__()
        self.config = config
        self.bridges = Bridges({name: build_bridge(config, name) for name in config.modalities}, config.embedding_size)
        rows = 2 * len(config.begin_end_ids)
        self.begin_end_embeddings = nn.Embedding(rows, config.embedding_size) if config.begin_end_outside else None
        kind = injection_class(config)
        self.injected = kind is not None and kind.takes_media
        if config.null_features:
            for name in config.modalities:
                self.register_buffer(NULL_FEATURES + name, torch.full(config.feature_shapes[name], torch.nan))

    def fuse(  # noqa: PLR0913 - what a call of the model is given
        self, input_ids: Tensor, attention_mask: Tensor | None, labels: Tensor | None, features: Media,
        embed: nn.Module, *, places: MediaPlaces | None = None, borders: Sequence[int] | None = None,
        past_key_values: Any = None, answers: Tensor | None = None, injection: Injection | None = None,
        given: Mapping[str, Any] = MappingProxyType({}),
    ) -> FusedInputs:  # fmt: skip
        """Embed the text and the begin and end tokens, make soft tokens and put them in their places.

        A decode step, one new token per row after a cache, holds text alone; no media are looked for in it.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T) or None.
            labels: (B, T) or None.
            features: one tensor per medium, per modality.
            embed: the LLM's input embeddings.
            places: of the media, where they are known; without them a GPU is waited for.
            borders: where packed examples begin and the last one ends, from 0 to B T; None for one example per row.
            past_key_values: the cache of earlier positions, if any.
            answers: (B, T) bool, see `instructions.answered`.
            injection: of the model, which is told where media stand.
            given: `image_instructions` and the like, for bridges that have a tokenizer of their own.

        Raises:
            MismatchError: the numbers of placeholders and soft tokens differ, per medium; or instructions are missing.
        """
        if not any(features.values()) and self._is_decode_step(input_ids, past_key_values):
            return FusedInputs(self.embed_text(input_ids, embed), attention_mask, labels)
        places = places or media_places(input_ids, self.config)
        if self.config.null_features and not any(map(len, (*places.soft.values(), *places.null.values()))):
            block = self.published_block(features, len(input_ids)).to(input_ids)
            input_ids, attention_mask, labels = insert_after_first(input_ids, attention_mask, labels, block)
            places, borders = media_places(input_ids, self.config), None
        made = self._made(features)
        expected = {name: [1] * len(counts) if self.injected else counts for name, counts in made.items()}
        runs = separated(places.runs, expected) if self.config.surrounding_ids else places.runs
        require_matching_media(runs, expected)
        packed = borders
        borders = borders or range(0, input_ids.numel() + 1, input_ids.shape[1])
        media = {name: [run.place for run in runs[name]] for name in features}
        instructions: dict[Modality, list[Tensor]] = {}
        if self.bridges.need("instruction"):
            asked = (input_ids, answered(answers, labels), attention_mask, borders, self.config.vocabulary_size)
            own = given_instructions(self.config, given, media)
            instructions = own | {
                name: instruction_ids(each, *asked) for name, each in media.items() if name not in own
            }
        embeds = self.embed_text(input_ids, embed)
        examples = {name: example_of(each, borders) for name, each in media.items()}
        matrix = cast("nn.Parameter", embed.weight)
        if torch.is_grad_enabled() or instructions:
            soft = self._soft_tokens(places, embeds, features, made, matrix, examples, instructions)
        else:
            first = first_places(features)
            once, counts = each_once(features, first), each_once(made, first)
            soft = self._soft_tokens(places, embeds, once, counts, matrix, each_once(examples, first), instructions)
            soft = tuple(repeated(own, made[name], first[name])
                         for name, own in zip(self.config.modalities, soft, strict=True))  # fmt: skip
        by_modality = dict(zip(self.config.modalities, soft, strict=True))
        for name, tokens in by_modality.items():
            if self.injected:  # a medium takes one position, which says nothing itself
                nothing = embeds.new_zeros(len(places.soft[name]), embeds.shape[-1])
                embeds = place_soft_tokens(embeds, places.soft[name], nothing)
            else:
                embeds = self._placed(name, embeds, places, tokens)
        if injection is None:
            return FusedInputs(embeds, attention_mask, labels)
        shown = injection.beside(by_modality, features)
        seen = bound_media(shown, made, runs, packed, (input_ids.shape[0], input_ids.shape[1]))
        return FusedInputs(embeds, attention_mask, labels, seen)

    def _is_decode_step(self, input_ids: Tensor, past_key_values: Any) -> bool:
        if input_ids.shape[1] != 1 or past_key_values is None:
            return False
        # only there an empty cache makes a difference; of layers that carry a state a cache tells no length
        return not self.config.null_features or past_key_values.get_seq_length() > 0

    def _made(self, features: Media) -> dict[Modality, list[int]]:
        """Soft tokens of each medium."""
        return {
            name: [soft_token_count(self.config, name, medium.shape) for medium in media]
            for name, media in features.items()
        }

    def _soft_tokens(
        self, places: MediaPlaces, embeds: Tensor, features: Media, made: Mapping[Modality, Sequence[int]],
        matrix: nn.Parameter, examples: Mapping[Modality, Sequence[int]],
        instructions: Mapping[Modality, Sequence[Tensor]],
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """(K, D) per modality, `made` of each medium; those of the null medium stand last, where any row has one."""
        media = {name: [layer_tokens(self.config, name, medium)[-1].to(embeds) for medium in features[name]]
                 for name in self.config.modalities}
        for name in self.config.modalities if self.config.null_features else ():
            if len(places.null[name]):
                media[name].append(self.null_features(name).to(embeds))
        self.bridges.may_look_at(matrix)
        soft: tuple[Tensor, ...] = self.bridges(media, matrix, examples, instructions)
        for name, tokens in zip(self.config.modalities, soft, strict=True):
            counts = [*made[name]]
            if len(media[name]) > len(counts):
                counts.append(soft_token_count(self.config, name, self.config.feature_shapes[name]))
            require_promised_tokens(self.config, name, tokens, counts)
        return soft

    def _placed(self, name: Modality, embeds: Tensor, places: MediaPlaces, soft: Tensor) -> Tensor:
        """`embeds` with the soft tokens of one modality in their places."""
        null_places = places.null[name]
        if self.config.null_features and len(null_places):
            count = soft_token_count(self.config, name, self.config.feature_shapes[name])
            blocks = len(null_places) // count
            embeds = place_soft_tokens(embeds, null_places, soft[-count:].repeat(blocks, 1))
            soft = soft[:-count]
        return place_soft_tokens(embeds, places.soft[name], soft)

    def embed_text(self, input_ids: Tensor, embed: nn.Module) -> Tensor:
        """(B, T, D) embeddings of text, begin and end tokens; positions of media hold something replaced later."""
        size = self.config.vocabulary_size
        special = (input_ids >= size) & (input_ids <= self.config.last_media_id)
        embeds: Tensor = embed(input_ids.masked_fill(special, 0))
        if self.begin_end_embeddings is None:
            return embeds
        first = min(opening for opening, _ in self.config.begin_end_ids.values())
        found = (input_ids >= first) & (input_ids < first + self.begin_end_embeddings.num_embeddings)
        # looked up on every rank in every step, whether there are any or not
        begin_end_embeds = self.begin_end_embeddings((input_ids - first).masked_fill(~found, 0))
        return torch.where(found[..., None], begin_end_embeds.to(embeds), embeds)

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
                    f"{len(media)} {name} inputs were given for {rows} rows without placeholders.",
                    "Give one per row or none, or put placeholders into input_ids.",
                )
            opening, closing = self.config.begin_end_ids[name]
            shape = media[0].shape if media else self.config.feature_shapes[name]
            token = (self.config.soft_token_ids if media else self.config.null_token_ids)[name]
            ids += [opening, *[token] * soft_token_count(self.config, name, shape), closing]
        return torch.tensor(ids)

    def null_features(self, modality: Modality) -> Tensor:
        """The encoder's features of an all-zero input, which stand for an absent medium.

        Raises:
            MismatchError: they were never given to this model.
        """
        kept: Tensor = getattr(self, NULL_FEATURES + modality)
        if kept.isnan().any():
            raise MismatchError(
                f"This model reads {modality} features in every example; the null features for an absent {modality} "
                "are not set.",
                f"Give {modality} features, or import the checkpoint again with its encoders.",
            )
        return kept

    @torch.no_grad()
    def set_null_features(self, modality: Modality, features: Tensor) -> None:
        """Keep the encoder's features of an all-zero input, which stand for absent media in a `null_features` model."""
        self.get_buffer(NULL_FEATURES + modality).copy_(torch.as_tensor(features))

    def calibrate(self, matrix: Tensor, head: nn.Linear, tokenizer: Any = None) -> None:
        """Fit bridges and begin and end tokens to the LLM's embeddings (V, D), and bridges to its output layer.

        How begin and end tokens start: see `initialise_begin_end`.
        """
        self.bridges.calibrate(matrix)
        self.bridges.start_from_head(head)
        if self.begin_end_embeddings is not None:
            with gathered(self.begin_end_embeddings.weight, to_change=True):
                weight, names = self.begin_end_embeddings.weight, list(self.config.begin_end_ids)
                initial_weights.initialise_begin_end(weight, matrix, names, tokenizer)

    def initialise(self) -> None:
        """Null features are not known yet; transformers may have given their memory any values."""
        for name, buffer in self.named_buffers(recurse=False):
            if name.startswith(NULL_FEATURES):
                buffer.fill_(torch.nan)
