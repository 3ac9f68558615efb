"""From a configuration to a new model: the LLM as its training holds it, and what macaw adds to it."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.config.stages import trained_groups
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.encoders.pretrained import load_causal_lm
from macaw_cli.encoders.source import explain, quiet_transformers
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.training.tuning.adapters import add_adapter, load_four_bit_llm
from macaw_cli.training.tuning.feature_means import feature_means
from macaw_cli.training.tuning.llm_source import llm_name, llm_source
from macaw_cli.training.tuning.parameter_groups import freeze
from macaw_cli.training.tuning.start_settings import start_config
from macaw_cli.training.tuning.start_weights import load_added, load_llm_inside

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def new_model(
    workspace: Workspace, config: MacawConfig, dataset: DatasetReader, device: str = "cpu", *, tokenizer: Any = None
) -> Any:
    """The model with the LLM's weights, a fresh bridge and a fresh adapter; equal on every rank.

    A training that starts from a model takes the weights of that model; only bridges that it lacks are fresh then.

    The LLM is in the number format of the training, as every rank holds all of it; what is fresh is in fp32.

    Args:
        workspace: the settings hold.
        config: the model's.
        dataset: whose features the bridges are fitted to; it holds those that stand for absent media.
        device: where weights in 4 bits go at once; all others wait in CPU memory until there is an engine.
        tokenizer: the LLM's, from whose words the begin and end tokens start; else they start at random.

    Raises:
        InputError: the LLM's weights cannot be read.
        MismatchError: the weights of the model to start from are not those of its configuration.
        MissingDependencyError: `training.compile` or `training.attention` needs what is not installed.
        UsageError: `training.attention` needs a GPU, or an adapter is meant for layers that the LLM does not have.
    """
    from macaw_cli.model.compilation import compile_layers, require_compiler
    from macaw_cli.model.packing.packed_attention import require_attention, use_attention
    from macaw_cli.model.tapped_layers import layers_in_features

    settings = workspace.settings
    require_attention(settings.training.attention)
    if settings.training.compile:
        require_compiler()
    source, start = llm_source(workspace), start_config(workspace)
    torch.manual_seed(settings.seed)
    with quiet_transformers():
        try:
            model = _built(config, source, settings, device, tokenizer, start)
        except (OSError, ValueError) as error:
            raise explain(source, error) from error
    fresh = [name for name in config.modalities if start is None or name not in start.modalities]
    if start is not None:
        load_added(model, Path(source), fresh)
    bridges = model.fusion.bridges
    layers = {name: layers_in_features(config, name) for name in fresh}
    bridges.center(feature_means(dataset, [name for name in bridges.centered() if name in fresh], layers=layers))
    add_adapter(model.language_model, settings.training.adapter, settings.seed, llm_name(settings))
    if config.null_features:
        for modality in fresh:
            features = dataset.null_features(modality)
            if features is not None:
                model.fusion.set_null_features(modality, torch.from_numpy(features))
    if settings.training.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    use_attention(model, settings.training.attention)
    if settings.training.compile:
        compile_layers(model)
    return model


def _built(
    config: MacawConfig, source: str, settings: Settings, device: str, tokenizer: Any, start: MacawConfig | None
) -> Any:
    """The model with the LLM as its training holds it: in 4 bits, in parts, in 16 bits or in fp32.

    The LLM of a model to start from is read as `start` says it, which may have no biases yet.
    """
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    dtype = DTYPES[settings.training.precision]
    load = load_causal_lm if start is None else partial(load_llm_inside, config=start)
    if settings.training.adapter.kind == "qlora":
        return _model_around(load_four_bit_llm(source, dtype, device, load), config, settings, tokenizer)
    if settings.training.zero_stage == 3:
        return _partitioned_model(config, load(source, dtype=torch.float32), settings, tokenizer)
    if dtype == torch.float32 and start is None:
        return MacawForConditionalGeneration.build(config, source, tokenizer=tokenizer)
    # DeepSpeed rounds all weights to this format before it makes its fp32 masters of them
    return _model_around(load(source, dtype=dtype), config, settings, tokenizer)


def _partitioned_model(config: MacawConfig, llm: Any, settings: Settings, tokenizer: Any) -> Any:
    """As `MacawForConditionalGeneration.build`, for an LLM of which each rank loads only its own part."""
    model = _model_around(llm, config, settings, tokenizer)
    for part in _new_parts(model):  # DeepSpeed has loaded the LLM in this format, and takes only one
        part.to(DTYPES[settings.training.precision])
    return model


def _model_around(llm: Any, config: MacawConfig, settings: Settings, tokenizer: Any) -> Any:
    """A new model around an LLM that is loaded already, on the device where that is."""
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    torch.manual_seed(settings.seed)  # loading may have drawn numbers; the bridge must begin as in other stages
    model = MacawForConditionalGeneration(config, llm)
    for part in _new_parts(model):
        part.to(llm.device)
    model.generation_config = llm.generation_config
    model.calibrate(tokenizer)
    return model


def _new_parts(model: Any) -> list[Any]:
    """What macaw adds to an LLM and its encoders."""
    return [part for part in (model.fusion, model.injection) if part is not None]


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
