"""From settings and a dataset to the configuration of the model that is trained."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.injections.plora import PloraSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.config.stages import trained_groups
from macaw_cli.encoders.frozen import WHEN_NOT_DEFAULT, chosen_outputs
from macaw_cli.encoders.pretrained import load_config
from macaw_cli.encoders.source import short_name
from macaw_cli.modalities.table import ENCODER_OF, ROLES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.expert_texts import saved_texts
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.training.tuning.continued_config import continued_config
from macaw_cli.training.tuning.llm_source import llm_source
from macaw_cli.training.tuning.norms_and_biases import declare_biases
from macaw_cli.training.tuning.start_settings import start_config


def model_config(workspace: Workspace, dataset: DatasetReader) -> MacawConfig:
    """The configuration of the model that is trained on the features of this dataset: a new one, or one that goes on.

    It is that of the trained model: new biases that the training gives the LLM are in it.

    Args:
        workspace: as `with_start` gives it.
        dataset: through the views of the settings.

    Raises:
        InputError: the LLM cannot be read, or the model is none.
        MismatchError: the dataset was made with another encoder than the settings name, or than the model to start
            from.
        UsageError: an injection that no stage trains, in a model as published, or beside an adapter that changes it.
    """
    settings = workspace.settings
    _require_trained_injection(settings)
    start = start_config(workspace)
    llm_config = causal_llm_config(workspace) if start is None else None
    require_settings_encoders(workspace, dataset)
    shapes = feature_shapes(dataset, null_features=settings.training.as_published)
    if start is not None:
        config = continued_config(start, Path(llm_source(workspace)), settings, dataset, shapes)
    else:
        config = _new_config(settings, dataset, llm_config, shapes)
    config.expert_texts = saved_texts(settings.expert_texts, dataset.text_use, dataset.experts)
    if settings.training.adapter.kind == "norms-and-biases":
        declare_biases(config.text_config)
    return config


def _new_config(
    settings: Settings, dataset: DatasetReader, llm_config: Any, shapes: dict[Modality, tuple[int, ...]]
) -> MacawConfig:
    used = {ENCODER_OF[modality] for modality in shapes if modality in ENCODER_OF}
    return MacawConfig.for_llm(
        llm_config,
        settings.bridge,
        shapes,
        {role: settings.features.encoder_of(role) for role in ROLES if role in used},
        {modality: dataset.fingerprints[modality] for modality in shapes},
        injection=settings.injection,
        views=settings.views,
        null_features=settings.training.as_published,
    )


def _require_trained_injection(settings: Settings) -> None:
    """An injection starts with closed gates: untrained, it leaves the LLM without media."""
    if isinstance(settings.injection, NoInjectionSettings):
        return
    if settings.training.as_published:
        raise UsageError("training.as_published cannot be combined with an injection.", "Set injection to none.")
    if settings.training.adapter.kind == "dora" and isinstance(settings.injection, PloraSettings):
        raise UsageError(
            "training.adapter=dora rescales what a linear layer gives, with what the injection plora adds to it.",
            "Add --set training.adapter=lora, or set injection to none.",
        )
    trained = trained_groups(settings.training)
    if "injection" not in trained and not settings.training.start_from:
        raise UsageError(
            f"injection is {settings.injection.name}, but no stage trains it: training.train is {', '.join(trained)}.",
            "Add injection to training.train; in a recipe, to the stages that train it.",
        )


def causal_llm_config(workspace: Workspace) -> Any:
    """The configuration of the LLM that the settings name.

    Raises:
        InputError: it cannot be read, or it is of a model that does not go on with text.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    source = llm_source(workspace)
    config = load_config(source)
    kind = config.model_type  # the decoders of Whisper and BART are in the mapping, but read what an encoder has seen
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or config.is_encoder_decoder or not hasattr(config, "vocab_size"):
        named = workspace.settings.llm
        raise InputError(f"{named} is not a causal LLM (model type {kind}).", "Name one, such as a Llama or a Qwen.")
    return config


def feature_shapes(dataset: DatasetReader, *, null_features: bool = False) -> dict[Modality, tuple[int, ...]]:
    """Shape of a typical medium's features for each modality that the training split has: that of median length.

    A model that reads null features takes their shape, since those are in every example.
    """
    found: dict[Modality, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for row in dataset.conversations("train"):
        for ref in row.media:
            found[ref.modality][ref.shape] += 1
    shapes = {modality: _median(counted) for modality, counted in found.items()}
    for modality in shapes if null_features else ():
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
    expected = {
        modality: _as_set(workspace, encoder, found)
        for modality, found in dataset.fingerprints.items()
        if modality in ENCODER_OF and (encoder := features.encoder_of(ENCODER_OF[modality])).model
    }
    what = dataset.title, "macaw.yaml"
    require_same_encoders(dataset.fingerprints, expected, *what, names_count=True)  # the settings know no weights


def _as_set(workspace: Workspace, settings: EncoderSettings, found: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset's fingerprint as it would be with the encoder of the settings; weights are not compared here."""
    named = {**chosen_outputs(settings), "model": short_name(workspace.model_source(settings.model))}
    others = {name: value for name, value in found.items() if name not in WHEN_NOT_DEFAULT}
    return {**others, **{name: value for name, value in named.items() if name in found or name in WHEN_NOT_DEFAULT}}


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


def texts_seen_from(workspace: Workspace, config: MacawConfig, folder: Path) -> dict[str, Any]:
    """The configuration's `expert_texts`, the folders of the experts' models named relative to the model folder."""
    experts = []
    for one in config.expert_texts.get("experts", ()):
        options = dict(one["options"])
        path = workspace.path(options["model"]) if options.get("model") else None
        if path is not None and path.exists():
            options["model"] = os.path.relpath(path, folder)
        experts.append({**one, "options": options})
    return {**config.expert_texts, "experts": experts} if experts else {}
