"""From settings and a dataset to a new model: its configuration, its processor, its weights."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.errors import InputError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality, Settings
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.encoders.frozen import WHEN_NOT_DEFAULT, chosen_outputs
from macaw_cli.encoders.source import explain, quiet_transformers, short_name
from macaw_cli.model.configuration import ENCODER_OF, MacawConfig
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.same_encoders import require_same_encoders
from macaw_cli.training.stages import trained_groups
from macaw_cli.training.tuning.adapters import add_adapter, load_four_bit_llm
from macaw_cli.training.tuning.parameter_groups import freeze
from macaw_cli.training.tuning.sources import llm_source

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def model_config(workspace: Workspace, dataset: DatasetReader) -> MacawConfig:
    """The configuration of a new model for the features of this dataset.

    Raises:
        InputError: the LLM cannot be read, or the model is none.
        MismatchError: the dataset was made with another encoder than the settings name.
    """
    settings = workspace.settings
    llm_config = causal_llm_config(workspace)
    require_settings_encoders(workspace, dataset)
    encoders = {"image": settings.features.image_encoder, "audio": settings.features.audio_encoder}
    shapes = feature_shapes(dataset, null_media=settings.training.as_published)
    used = {ENCODER_OF[modality] for modality in shapes}
    return MacawConfig.for_llm(
        llm_config,
        settings.bridge,
        shapes,
        {name: encoder for name, encoder in encoders.items() if name in used},
        {modality: dataset.fingerprints[modality] for modality in shapes},
        views=settings.views,
        null_media=settings.training.as_published,
    )


def causal_llm_config(workspace: Workspace) -> Any:
    """The configuration of the LLM that the settings name.

    Raises:
        InputError: it cannot be read, or it is of a model that does not go on with text.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    source = llm_source(workspace)
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(source)
        except (OSError, ValueError) as error:
            raise explain(source, error) from error
    kind = config.model_type  # the decoders of Whisper and BART are in the mapping, but read what an encoder has seen
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or config.is_encoder_decoder or not hasattr(config, "vocab_size"):
        named = workspace.settings.llm
        raise InputError(f"{named} is no causal LLM (model type {kind}).", "Name one, such as a Llama or a Qwen.")
    return config


def feature_shapes(dataset: DatasetReader, *, null_media: bool = False) -> dict[Modality, tuple[int, ...]]:
    """Shape of a typical medium's features for each modality that the training split has: that of median length.

    A model that reads null media takes their shape, since those are in every example.
    """
    found: dict[Modality, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for row in dataset.conversations("train"):
        for ref in row.media:
            found[ref.modality][ref.shape] += 1
    shapes = {modality: _median(counted) for modality, counted in found.items()}
    for modality in shapes if null_media else ():
        null = dataset.null_features(modality)
        if null is not None:
            shapes[modality] = null.shape
    return shapes


def _median(shapes: Counter[tuple[int, ...]]) -> tuple[int, ...]:
    by_length = sorted(shapes.items(), key=lambda item: (prod(item[0]), item[0]))
    return next(
        shape for (shape, _), seen in zip(by_length, accumulate(count for _, count in by_length), strict=True)
        if 2 * seen >= shapes.total()
    )  # fmt: skip


def require_settings_encoders(workspace: Workspace, dataset: DatasetReader) -> None:
    """Refuse a dataset whose features another encoder made than the one that the settings name.

    Raises:
        MismatchError: with both fingerprints.
    """
    features = workspace.settings.features
    encoders = {"image": features.image_encoder, "audio": features.audio_encoder}
    expected = {
        modality: _as_set(workspace, encoders[ENCODER_OF[modality]], found)  # type: ignore[index]
        for modality, found in dataset.fingerprints.items()
        if encoders[ENCODER_OF[modality]].model  # type: ignore[index]
    }
    what = dataset.title, "macaw.yaml"
    require_same_encoders(dataset.fingerprints, expected, *what, names_count=True)  # the settings know no weights


def _as_set(workspace: Workspace, settings: EncoderSettings, found: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset's fingerprint as it would be with the encoder of the settings; weights are not compared here."""
    named = {**chosen_outputs(settings), "model": short_name(workspace.model_source(settings.model))}
    others = {name: value for name, value in found.items() if name not in WHEN_NOT_DEFAULT}
    return {**others, **{name: value for name, value in named.items() if name in found or name in WHEN_NOT_DEFAULT}}


def new_model(
    workspace: Workspace, config: MacawConfig, dataset: DatasetReader, device: str = "cpu", *, tokenizer: Any = None
) -> Any:
    """The model with the LLM's weights, a fresh bridge and a fresh adapter; equal on every rank.

    The LLM is in the number format of the training, as every rank holds all of it; what is fresh is in fp32.

    Args:
        workspace: the settings hold.
        config: the model's.
        dataset: holds the features that stand for absent media.
        device: where weights in 4 bits go at once; all others wait in CPU memory until there is an engine.
        tokenizer: the LLM's, from whose words the begin and end tokens start; else they start at random.

    Raises:
        InputError: the LLM's weights cannot be read.
        MissingDependencyError: `training.compile` or `training.attention` needs what is not installed.
        UsageError: `training.attention` needs a GPU, or an adapter is meant for layers that the LLM does not have.
    """
    from macaw_cli.model.compilation import compile_layers, require_compiler
    from macaw_cli.model.packing import require_attention, use_attention

    settings = workspace.settings
    require_attention(settings.training.attention)
    if settings.training.compile:
        require_compiler()
    source = llm_source(workspace)
    torch.manual_seed(settings.seed)
    with quiet_transformers():
        try:
            model = _built(config, source, settings, device, tokenizer)
        except (OSError, ValueError) as error:
            raise explain(source, error) from error
    add_adapter(model.language_model, settings.training.adapter, settings.seed, settings.llm)
    if config.null_media:
        for modality in config.modalities:
            features = dataset.null_features(modality)
            if features is not None:
                model.fusion.set_null_features(modality, torch.from_numpy(features))
    if settings.training.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    use_attention(model, settings.training.attention)
    if settings.training.compile:
        compile_layers(model)
    return model


def _built(config: MacawConfig, source: str, settings: Settings, device: str, tokenizer: Any) -> Any:
    """The model with the LLM as its training holds it: in 4 bits, in parts, in 16 bits or in fp32."""
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    dtype = DTYPES[settings.training.precision]
    if settings.training.adapter.kind == "qlora":
        return _model_around(load_four_bit_llm(source, dtype, device), config, settings, tokenizer)
    if settings.training.zero_stage == 3:
        return _partitioned_model(config, source, settings, tokenizer)
    if dtype == torch.float32:
        return MacawForConditionalGeneration.build(config, source, tokenizer=tokenizer)
    # DeepSpeed rounds all weights to this format before it makes its fp32 masters of them
    return _model_around(_loaded_llm(source, dtype), config, settings, tokenizer)


def _partitioned_model(config: MacawConfig, source: str, settings: Settings, tokenizer: Any) -> Any:
    """As `MacawForConditionalGeneration.build`, for an LLM of which each rank loads only its own part."""
    model = _model_around(_loaded_llm(source, torch.float32), config, settings, tokenizer)
    model.fusion.to(DTYPES[settings.training.precision])  # DeepSpeed has loaded the LLM in this one, and takes only one
    return model


def _loaded_llm(source: str, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(source, dtype=dtype)


def _model_around(llm: Any, config: MacawConfig, settings: Settings, tokenizer: Any) -> Any:
    """A new model around an LLM that is loaded already, on the device where that is."""
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    torch.manual_seed(settings.seed)  # loading may have drawn numbers; the bridge must begin as in other stages
    model = MacawForConditionalGeneration(config, llm)
    model.fusion.to(llm.device)
    model.generation_config = llm.generation_config
    model.calibrate(tokenizer)
    return model


def encoders_seen_from(workspace: Workspace, config: MacawConfig, folder: Path) -> dict[str, dict[str, Any]]:
    """The configuration's encoders, folders named relative to the model folder, so that a workspace can be moved."""
    seen = {}
    for name, fields in config.encoders.items():
        settings = EncoderSettings(**fields)
        path = workspace.path(settings.model)
        if settings.model and path.exists():
            settings = replace(settings, model=os.path.relpath(path, folder))
        seen[name] = {**fields, "model": settings.model}
    return seen


def model_without_weights(config: MacawConfig, training: TrainingSettings) -> Any:
    """The model's shape alone, on the `meta` device, with its adapter and frozen as it will be: enough to count.

    Args:
        config: the model's.
        training: what any of its stages trains counts as trained.
    """
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    with torch.device("meta"):
        model = MacawForConditionalGeneration(config)
        add_adapter(model.language_model, training.adapter, seed=0)
    freeze(model, trained_groups(training))
    return model
