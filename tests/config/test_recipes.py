"""Recipes hold the numbers of their papers, and train the parameters that their papers train, to the last name."""

import re
from typing import get_args

import pytest
import yaml

from macaw_cli.config.loading import open_workspace, parse_settings
from macaw_cli.config.presets import preset_yaml, write_preset
from macaw_cli.config.recipes import GPUS, Preset
from macaw_cli.config.stages import stage_settings

NORMAL = {"bridge", "begin_end_tokens"}
STAGES = {
    "paper": [{*NORMAL, "llm"}],
    "llava": [NORMAL, {*NORMAL, "llm"}],
    "minigpt4": [{"bridge"}, {"bridge"}],
    "blip2": [{"bridge"}, {"bridge"}],
    "instructblip": [{"bridge"}],
    "onellm": [NORMAL, NORMAL, {"llm"}],
    "llama-adapter-v2": [{*NORMAL, "injection"}, {"llm"}],
    "flamingo": [{*NORMAL, "injection"}],
    "lavin": [{*NORMAL, "injection"}],
    "xcomposer1": [{*NORMAL, "llm"}, {*NORMAL, "llm"}],
    "xcomposer2": [{*NORMAL, "injection"}, {*NORMAL, "injection", "llm"}],
    "frozen": [{"bridge"}],
    "align-only": [{"bridge"}],
}
PREFIXES = {
    "bridge": "fusion.bridges.", "begin_end_tokens": "fusion.begin_end", "injection": "injection.",
    "llm": "language_model.",
}  # fmt: skip
ADAPTED = {
    "none": r"language_model\..*",
    "lora": r"language_model\..*\.lora_[AB]\..*",
    "norms-and-biases": r"language_model\.(.*norm\.weight|.*_proj\.bias)",
}
"""Of the LLM: what its adapter trains."""
LLM_LAYERS = 4
SHAPES = {"image": (16, 16), "audio": (20, 16), "video": (3, 16, 16)}


def settings_of(preset):
    return parse_settings(yaml.safe_load(preset_yaml(preset)), preset)


def tiny_model(settings):
    """The recipe's bridge and injection on a tiny LLM, with its adapter; all there but the values."""
    from transformers import LlamaConfig

    from macaw_cli.model.configuration import MacawConfig
    from macaw_cli.training.tuning.model_setup import model_without_weights

    llm = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=LLM_LAYERS, num_attention_heads=4
    )
    config = MacawConfig.for_llm(llm, settings.bridge, SHAPES, injection=settings.injection)
    return model_without_weights(config, settings.training)


def trained_names(model, groups):
    from macaw_cli.training.tuning.parameter_groups import freeze

    freeze(model, groups)
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("preset", STAGES)
def test_each_stage_trains_exactly_the_parameters_of_its_groups(preset):
    settings = settings_of(preset)
    stages = stage_settings(settings.training)
    assert [set(stage.train) for _, stage in stages] == STAGES[preset]
    model = tiny_model(settings)
    names = [name for name, _ in model.named_parameters()]
    adapted = re.compile(ADAPTED[settings.training.adapter.kind])
    for _, stage in stages:
        wanted = {name for name in names for group in stage.train if name.startswith(PREFIXES[group])}
        wanted = {name for name in wanted if not name.startswith("language_model.") or adapted.fullmatch(name)}
        assert trained_names(model, stage.train) == wanted
        for group in stage.train:  # a group without parameters would train nothing
            assert any(name.startswith(PREFIXES[group]) for name in wanted), group


def image_only(names):
    return {name.removeprefix("fusion.bridges.image.") for name in names if name.startswith("fusion.bridges.image.")}


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("minigpt4", {"linear.weight", "linear.bias"}), ("frozen", {"linear.weight", "linear.bias"})],
)
def test_where_the_paper_trains_one_linear_layer_it_is_one(preset, expected):
    settings = settings_of(preset)
    names = trained_names(tiny_model(settings), settings.training.train)
    assert {name.rpartition(".")[2] for name in image_only(names)} == {one.rpartition(".")[2] for one in expected}
    assert len(image_only(names)) == 2
    assert not any(name.startswith(("language_model", "injection", "fusion.begin_end")) for name in names)


def test_llava_trains_two_linear_layers_first():
    settings = settings_of("llava")
    (_, align), _ = stage_settings(settings.training)
    names = image_only(trained_names(tiny_model(settings), align.train))
    assert sorted(name.rpartition(".")[2] for name in names) == ["bias", "bias", "weight", "weight"]


def test_flamingo_trains_gates_and_cross_attention_before_every_fourth_layer_and_no_layer_itself():
    settings = settings_of("flamingo")
    names = trained_names(tiny_model(settings), settings.training.train)
    assert {name for name in names if name.startswith("injection.") and "gate" in name}
    assert not any(name.startswith("language_model.") for name in names)


def test_llama_adapter_v2_trains_norms_and_new_biases_of_every_layer_in_its_second_stage():
    settings = settings_of("llama-adapter-v2")
    names = trained_names(tiny_model(settings), ["llm"])
    linear = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    linear += ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    in_layer = {*(f"{layer}.bias" for layer in linear), "input_layernorm.weight", "post_attention_layernorm.weight"}
    wanted = {f"layers.{number}.{name}" for number in range(LLM_LAYERS) for name in in_layer} | {"norm.weight"}
    assert names == {f"language_model.model.{name}" for name in wanted}


def test_the_numbers_are_those_of_the_papers():
    mini = [stage for _, stage in stage_settings(settings_of("minigpt4").training)]
    assert [(stage.max_steps, stage.learning_rate, stage.template) for stage in mini] == [
        (20_000, 1e-4, "plain"), (1000, 3e-5, "alpaca"),
    ]  # fmt: skip
    blip, instruct = settings_of("blip2"), settings_of("instructblip")
    assert (blip.bridge.tokens, blip.bridge.hidden, blip.bridge.layers, blip.bridge.instruction) == (32, 768, 12, False)
    assert (blip.training.learning_rate, blip.training.epochs, blip.training.weight_decay) == (1e-4, 10, 0.05)
    assert (instruct.bridge.tokens, instruct.bridge.instruction, instruct.dataset.mix) == (32, True, "sqrt")
    assert [stage.objective for _, stage in stage_settings(blip.training)] == ["media-text", "answers"]
    flamingo = settings_of("flamingo")
    assert (flamingo.bridge.tokens, flamingo.bridge.layers, flamingo.injection.every) == (64, 6, 4)
    assert (flamingo.training.learning_rate, flamingo.training.schedule) == (1e-4, "constant")
    assert (flamingo.training.groups.injection.weight_decay, flamingo.training.weight_decay) == (0.1, 0.0)
    lavin = settings_of("lavin")
    assert lavin.features.image_encoder.layer == (4, 8, 12, 16, 20, 24)
    assert (lavin.injection.hidden, lavin.injection.groups, lavin.training.epochs) == (8, 2, 20)
    assert lavin.training.learning_rate == pytest.approx(9e-3 * 32 / 256)
    upm = settings_of("onellm")
    assert (upm.bridge.tokens, upm.bridge.experts, upm.bridge.layers, upm.bridge.width) == (30, 3, 8, 1024)
    assert [stage.learning_rate for _, stage in stage_settings(upm.training)] == [5e-5, 1e-5, 2e-5]
    assert upm.training.max_gradient_norm == 2.0
    prompts = settings_of("llama-adapter-v2").injection
    assert (prompts.tokens, prompts.layers, prompts.width, prompts.blocks) == (10, 31, 768, 8)
    one, two = settings_of("xcomposer1"), settings_of("xcomposer2")
    assert (one.bridge.tokens, one.training.adapter.rank, one.training.adapter.alpha) == (64, 256, 256)
    assert (two.features.image_encoder.image_size, two.injection.rank, two.injection.dropout) == (490, 256, 0.05)
    assert settings_of("frozen").bridge.tokens == 2
    slam = settings_of("align-only").bridge
    assert (slam.stride, slam.hidden, slam.activation, slam.remainder) == (5, 2048, "relu", "drop")


def test_the_processes_that_a_recipe_is_written_for_can_share_each_step():
    for preset in get_args(Preset):
        for _, stage in stage_settings(settings_of(preset).training):
            assert stage.global_batch_size % GPUS.get(preset, 1) == 0, preset


def test_a_recipe_replaces_the_injection_of_the_workspace(tmp_path):
    write_preset("flamingo", tmp_path)
    assert open_workspace(tmp_path, preset="llava").settings.injection.name == "none"
    assert open_workspace(tmp_path, preset="xcomposer2").settings.injection.name == "plora"
