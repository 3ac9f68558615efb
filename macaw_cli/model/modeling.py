"""Macaw as a transformers model: stored features or raw media in, loss and logits out, with `generate`.

Letters: B rows, T positions, D the LLM's hidden size, V its vocabulary.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from macaw_cli.config.training_settings import GROUPS
from macaw_cli.encoders.pretrained import causal_lm_of, load_causal_lm
from macaw_cli.model import attached_encoders, initial_weights
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.earlier_names import EarlierFolders
from macaw_cli.model.fusion.media_fusion import MediaFusion
from macaw_cli.model.fusion.placing import FusedInputs
from macaw_cli.model.generation import MediaGeneration
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.injection import bound
from macaw_cli.model.injections.recomputation import InjectionRecomputation
from macaw_cli.model.injections.registry import attached_injection
from macaw_cli.model.losses import response_loss
from macaw_cli.model.packing.chunked_loss import SupervisedLoss
from macaw_cli.model.packing.example_borders import example_borders
from macaw_cli.model.packing.loss_without_logits import loss_alone
from macaw_cli.model.packing.packed_attention import block_diagonal_mask, mask_for_kernel
from macaw_cli.model.packing.packing_support import require_packing_support
from macaw_cli.model.packing.row_layout import RowLayout
from macaw_cli.model.partitions import gathered

Features = Sequence[Tensor] | Tensor


# GenerationMixin is named once more because transformers looks for it among the direct bases only
class MacawForConditionalGeneration(
    MediaGeneration, InjectionRecomputation, EarlierFolders, PreTrainedModel, GenerationMixin,  # type: ignore[misc]
):  # fmt: skip
    """A causal LLM, the fusion with one bridge per modality, and, when attached, the frozen encoders.

    Args:
        config: sizes and names.
        language_model: a loaded LLM that fits `config.text_config`; without it, one with random weights.
    """

    config_class = MacawConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = _supports_attention_backend = True
    # with other weights than those that made the features of the training an encoder would have another fingerprint
    _keep_in_fp32_modules_strict = ("image_encoder", "audio_encoder")

    def __init__(self, config: MacawConfig, language_model: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        self.language_model = language_model or causal_lm_of(config.text_config)
        self.fusion = MediaFusion(config)
        self.injection = attached_injection(config, self.language_model)
        self.supervised_loss = SupervisedLoss()
        self.image_encoder = attached_encoders.image_encoder(config)
        self.audio_encoder = attached_encoders.audio_encoder(config)
        self.post_init()

    @classmethod
    def build(
        cls, config: MacawConfig, llm_source: str | None, *, dtype: torch.dtype = torch.float32, tokenizer: Any = None
    ) -> Self:
        """A new model: bridges and begin/end tokens initialised, the LLM pretrained or, without a source, random.

        Args:
            config: as from `MacawConfig.for_llm`.
            llm_source: folder or hub id of the LLM.
            dtype: number format of all weights.
            tokenizer: the LLM's, see `calibrate`.
        """
        llm = None if llm_source is None else load_causal_lm(llm_source, dtype=dtype)
        model: Self = cls(config, llm).to(dtype)
        if llm is not None and llm.generation_config is not None:
            model.generation_config = llm.generation_config
        model.calibrate(tokenizer)
        return model

    def forward(  # noqa: PLR0913, PLR0917 - the signature that transformers expects
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        image_features: Features | None = None,
        video_features: Features | None = None,
        audio_features: Features | None = None,
        pixel_values: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        input_features: Tensor | None = None,
        audio_lengths: Tensor | None = None,
        num_supervised: Tensor | int | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        return_logits: bool = True,
        layout: RowLayout | None = None,
        bound_media: BoundMedia | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Loss and logits.

        Packed rows are examples behind one another: `attention_mask` is None and `position_ids` start again at 0 with
        every example; they do not attend to each other.

        Args:
            input_ids: (B, T), one placeholder id per soft token.
            attention_mask: (B, T), 0 for padding on either side; or (B, 1, T, T), true where a query may see a key.
            position_ids: (B, T).
            past_key_values: the cache of earlier positions; media may come with every call.
            inputs_embeds: (B, T, D) instead of `input_ids`; media are then fused already.
            labels: (B, T) ids of supervised tokens, -100 elsewhere; not yet shifted.
            image_features: one (N, C) tensor per image in order of appearance over the batch, or all as (n, N, C).
            video_features: one (F, N, C) tensor per video, or (n, F, N, C); all features are after the model's view.
            audio_features: one (N, C) tensor per audio, or (n, N, C).
            pixel_values: (n, 3, H, W), for an attached image encoder, or one tensor per image where sizes differ.
            pixel_values_videos: (n, F, 3, H, W), instead of `video_features`.
            input_features: (n, mel bins, steps), for an attached audio encoder, instead of `audio_features`; or one
                tensor, or list of windows, per audio input.
            audio_lengths: (n,) samples of each of them, where the model reads only tokens within the audio's length.
            num_supervised: divides the summed loss, instead of this call's supervised tokens.
            use_cache: return `past_key_values`; default: the configuration's, but not with `position_ids` or labels:
                packed examples can only be separated where there is no cache.
            logits_to_keep: 0 for all logits, else how many of the last, or which positions.
            return_logits: False returns the loss alone, for which no logits are kept: the way to train.
            layout: `row_layout` of the ids, labels and positions, made on the CPU; without it a GPU is waited for.
            bound_media: what `fuse_inputs` gave beside `inputs_embeds`, for an injection.
            **kwargs: `answers`, `token_weights`, `NAME_instructions`, `NAME_features` of added modalities; the LLM's.

        Raises:
            MismatchError: the numbers of placeholders and soft tokens differ, per medium.
        """
        more = {name: kwargs.pop(name, None) for name in attached_encoders.ADDED_INPUTS}
        if inputs_embeds is None:
            inputs_embeds, attention_mask, labels, bound_media = self.fuse_inputs(
                input_ids, attention_mask, labels, layout, past_key_values, position_ids, **more,
                image_features=image_features, video_features=video_features, audio_features=audio_features,
                pixel_values=pixel_values, pixel_values_videos=pixel_values_videos, input_features=input_features,
                audio_lengths=audio_lengths,
            )  # fmt: skip
        if layout is not None and layout.positions != inputs_embeds.shape[:2].numel():
            layout = None  # blocks of null features were inserted
        if use_cache is None and (position_ids is not None or labels is not None):
            use_cache = False
        if attention_mask is None and position_ids is not None and past_key_values is None and not use_cache:
            require_packing_support(self.language_model, position_ids)
            attention_mask = block_diagonal_mask(position_ids, self.language_model.config, layout)
        attention_mask = mask_for_kernel(attention_mask, self.language_model.config, inputs_embeds.dtype)
        inputs = {
            "inputs_embeds": inputs_embeds, "attention_mask": attention_mask, "position_ids": position_ids,
            "past_key_values": past_key_values, "use_cache": use_cache, **kwargs,
        }  # fmt: skip
        with bound(self.injection, bound_media, past_key_values, inputs_embeds.shape) as keep_media:
            if labels is not None and not return_logits:
                return loss_alone(self, inputs, labels, num_supervised, layout)
            output: CausalLMOutputWithPast = self.language_model(**inputs, logits_to_keep=logits_to_keep)
            keep_media(output.get("past_key_values"))
        if labels is not None:
            output.loss = response_loss(output.logits[:, :-1], labels[:, 1:], num_supervised)
        return output

    def fuse_inputs(
        self, input_ids: Tensor | None, attention_mask: Tensor | None = None, labels: Tensor | None = None,
        layout: RowLayout | None = None, past_key_values: Any = None, position_ids: Tensor | None = None,
        answers: Tensor | None = None, **media: Any,
    ) -> FusedInputs:  # fmt: skip
        """What the LLM reads: embeddings with the soft tokens in their places, and the mask and labels that fit.

        Args:
            input_ids: (B, T). A `null_features` model inserts the three blocks after the first position where the ids
                hold no placeholder at all.
            attention_mask: (B, T) or None.
            labels: (B, T) or None.
            layout: as in `forward`.
            past_key_values: as in `forward`; one new token per row after it is text, in which no media are looked for.
            position_ids: as in `forward`; where rows are packed they tell which example a medium belongs to.
            answers: (B, T) bool, see `instructions.answered`; for bridges that read the instruction.
            **media: all features, raw media and `NAME_instructions` as in `forward`.

        Raises:
            MismatchError: the numbers of placeholders and soft tokens differ, per medium.
        """
        if input_ids is None:
            raise ValueError("Either input_ids or inputs_embeds must be given.")
        borders = layout.borders if layout else None
        if layout is None and position_ids is not None and attention_mask is None and past_key_values is None:
            borders = example_borders(position_ids)
        return self.fusion.fuse(
            input_ids, attention_mask, labels, attached_encoders.features(self, **media), self.get_input_embeddings(),
            places=layout.media if layout else None, borders=None if borders is None else borders.tolist(),
            past_key_values=past_key_values, answers=answers, injection=self.injection, given=media,
        )  # fmt: skip

    def calibrate(self, tokenizer: Any = None) -> None:
        """Fit the bridges and the begin/end tokens to the LLM's own weights; for a new model, before training.

        Args:
            tokenizer: the LLM's; without it begin and end tokens start as random vectors, as large as its own.
        """
        with gathered(self.embedding_matrix):
            self.fusion.calibrate(self.embedding_matrix.detach(), self.get_output_embeddings(), tokenizer)

    def trainable_groups(self) -> dict[str, dict[str, nn.Parameter]]:
        """Parameters by name, in the groups of `training.train`; encoders are in none.

        Where the LLM has `tuned_parameters`, such as those of an adapter, its others are in none either.
        """
        groups: dict[str, dict[str, nn.Parameter]] = {name: {} for name in GROUPS}
        group_of = dict(zip(("fusion.bridges", "fusion.begin_end", "injection", "language"), GROUPS, strict=True))
        tuned = getattr(self.language_model, "tuned_parameters", None)
        for name, parameter in self.named_parameters():
            for prefix, group in group_of.items():
                in_group = group != "llm" or tuned is None or name.removeprefix("language_model.") in tuned
                if name.startswith(prefix) and in_group:
                    groups[group][name] = parameter
        return groups

    @property
    def embedding_matrix(self) -> nn.Parameter:
        """(V, D): the LLM's input embeddings."""
        return self.get_input_embeddings().weight  # type: ignore[return-value]

    def train(self, mode: bool = True) -> Self:
        """Switch dropout and the like on or off; encoders stay frozen and in evaluation mode."""
        super().train(mode)
        attached_encoders.keep_frozen(self)
        return self

    def get_input_embeddings(self) -> nn.Module:
        """The LLM's."""
        return self.language_model.get_input_embeddings()  # type: ignore[no-any-return]

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the LLM's."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Linear:
        """The LLM's head."""
        return self.language_model.get_output_embeddings()  # type: ignore[no-any-return]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise bridges and begin/end tokens; transformers asks the LLM and the encoders for their own weights."""
        initial_weights.initialise(module, self.config.initial_embedding_std)
