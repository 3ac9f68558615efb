"""The model that is exported: loaded once, its encoders found and checked, and its own answers to compare with."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from macaw_cli.config.loading import Workspace
from macaw_cli.export.proving.answers import Answer, answered
from macaw_cli.export.proving.examples import ProofExample, proof_examples
from macaw_cli.export.proving.real_media import real_media
from macaw_cli.export.proving.told_examples import told_inputs
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.modalities.table import ENCODER_OF, MODALITIES, ROLES, TABLE, EncoderRole, Modality
from macaw_cli.model.attached_encoders import attach
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.model.text.answer_ends import answer_ends

WHISPERS_RATE = 16_000
"""Hz, of audio that experts alone hear."""


@dataclass
class ExportSource:
    """One model, in evaluation mode."""

    workspace: Workspace
    folder: Path
    """Of the model."""
    model: Any
    processor: MacawProcessor
    encoders: ModelEncoders
    examples: tuple[ProofExample, ...]
    """What the proof is made on."""
    experts: ModelExperts | None = None
    """Those whose texts the model reads, if it reads any."""

    @classmethod
    def load(cls, workspace: Workspace, folder: Path, dtype: torch.dtype | None = None) -> "ExportSource":
        """The model of a folder, its encoders in fp32.

        Args:
            workspace: encoders and media are looked for in it.
            folder: of the model.
            dtype: number format of the LLM and the bridges; None leaves them as they are.

        Raises:
            InputError: the folder holds no Macaw model, or an encoder is not where the model says.
            MismatchError: an encoder has other weights than the one of the training.
        """
        model, processor = load_model(folder, dtype=dtype)
        model.generation_config.eos_token_id = sorted(answer_ends(model, processor.encoder)) or None
        encoders = ModelEncoders(model, processor, folder, workspace, precision="fp32")
        rate = encoders.encoder("audio").sampling_rate or 0 if "audio" in model.config.modalities else WHISPERS_RATE
        experts = ModelExperts.of(model.config, folder, workspace, "cpu")
        known = {*model.config.modalities, *(experts.described if experts else ())}
        modalities = [name for name in MODALITIES if name in known]
        files = real_media(workspace, model.config, rate, modalities)
        examples = proof_examples(model.config, rate, files, modalities)
        return cls(workspace, folder, model, processor, encoders, examples, experts)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the LLM's weights."""
        found: torch.dtype = self.model.dtype
        return found

    @cached_property
    def expected(self) -> list[Answer]:
        """The source's own answers to the examples, from features that its own encoders make."""
        return [self.answer(example) for example in self.examples]

    @torch.inference_mode()
    def answer(self, example: ProofExample) -> Answer:
        """Logits and greedy tokens of one example."""
        return answered(self.model, self.inputs(example))

    def inputs(self, example: ProofExample) -> Any:
        """What the model reads: ids, and features (fp32) of the media; with the texts of experts those of a chat."""
        if self.experts:
            attacher = Attacher(self.model.config, self.encoders, self.experts)
            return told_inputs(self.model, self.processor.encoder, attacher, example)
        features: dict[str, list[torch.Tensor]] = {}
        for modality, medium in example.media:
            features.setdefault(TABLE[modality].features_keyword, []).append(self.encoders.encode(modality, medium))
        return self.processor(list(example.messages), **features)

    def encoder_roles(self) -> dict[EncoderRole, Modality]:
        """The encoders that the model needs, each with a modality that it serves."""
        return {ENCODER_OF[name]: name for name in self.model.config.modalities if name in ENCODER_OF}

    def attach_encoders(self) -> MacawProcessor:
        """Put the encoders into the model; returns the processor that prepares raw media for them."""
        model, processor = self.model, self.processor
        loaded = {role: self.encoders.encoder(modality) for role, modality in self.encoder_roles().items()}
        attach(model, *(loaded[role].model if role in loaded else None for role in ROLES))
        for role, encoder in loaded.items():  # the path leads nowhere from the new place; the name tells what it is
            model.config.encoders.setdefault(role, {})["model"] = encoder.fingerprint["model"]
        prepares = {role: encoder.processor for role, encoder in loaded.items()}
        return MacawProcessor(
            processor.tokenizer, model.config, processor.encoder.template, processor.encoder.max_length,
            image_processor=prepares.get("image"), feature_extractor=prepares.get("audio"),
        )  # fmt: skip

    def weight_bytes(self) -> int:
        """Of the model with its encoders, as they are."""
        loaded = [self.encoders.encoder(modality).model for modality in self.encoder_roles().values()]
        own = {id(one): one for part in (self.model, *loaded) for one in part.parameters()}
        return sum(one.numel() * one.element_size() for one in own.values())
