"""Every preset is a macaw.yaml that holds what its name says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.commented_yaml import with_values
from macaw_cli.config.loading import open_workspace, parse_settings
from macaw_cli.config.overrides import apply_override, in_order
from macaw_cli.config.presets import preset_yaml, to_fill_in, write_preset
from macaw_cli.config.recipes import FOLDER, Preset
from macaw_cli.config.stages import stage_settings
from macaw_cli.training.data.epoch_plan import plan_epoch

PRESETS = get_args(Preset)
MIX = Path(__file__).parents[2] / "benchmarks" / "paper_mix.json"


def settings_of(preset, *overrides):
    return parse_settings(yaml.safe_load(preset_yaml(preset, overrides)), preset)


def test_the_presets_are_the_files_of_the_folder():
    assert sorted(PRESETS) == sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_padding_is_kept_where_a_published_bridge_or_a_full_window_expects_it():
    assert {preset for preset in PRESETS if settings_of(preset).features.audio_padding == "keep"} == {
        "paper", "quickstart"
    }  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_complete_and_explained(preset):
    settings = settings_of(preset)
    assert settings.version == 1
    assert settings.llm
    assert settings.features.image_encoder.model
    assert settings.features.audio_encoder.model
    assert settings.dataset.sources
    training = settings.training
    stands_alone = training.global_batch_size == 1  # then a rare longer conversation is a step
    assert stands_alone or training.max_length <= 1.2 * training.sequence_length
    text = preset_yaml(preset)
    assert text.startswith("# ")
    assert text.isascii()
    assert max(len(line) for line in text.splitlines()) <= 130


def test_paper_holds_the_hyper_parameters_of_the_paper():
    settings = settings_of("paper")
    image, audio, bridge, training = (
        settings.features.image_encoder, settings.features.audio_encoder, settings.bridge, settings.training,
    )  # fmt: skip
    assert settings.llm == "huggyllama/llama-7b"
    assert (image.model, image.layer, image.cls, image.projection) == ("openai/clip-vit-base-patch16", -1, "drop", True)
    assert (image.post_layernorm, image.l2) == (False, False)
    assert (audio.model, audio.projection, settings.features.frames) == ("openai/whisper-base", False, 6)
    assert (bridge.name, bridge.variant, bridge.heads, bridge.dropout) == ("macaw", "paper", 8, 0.1)
    assert (bridge.image_tokens, bridge.audio_tokens, bridge.video_tokens) == (5, 6, 39)
    assert (training.learning_rate, training.warmup_ratio, training.weight_decay) == (3e-5, 0.03, 0.0)
    assert (training.epochs, training.max_length, training.precision) == (5, 512, "fp16")
    assert (training.zero_stage, training.offload, training.template) == (3, True, "alpaca")
    assert training.global_batch_size % 8 == 0
    assert sum(source.endswith("#50000+") for source in settings.dataset.sources) == 3


def test_a_step_of_the_papers_recipe_is_about_its_96_examples():
    training = settings_of("paper").training
    columns = json.loads(MIX.read_text())["examples"].items()
    media = {"text": 0, "image": 5 + 2, "video": 39 + 2 + 6 + 2}  # soft tokens and tags
    lengths = 5 * [sum(pair) + media[kind] for kind, column in columns for pair in zip(*column.values(), strict=True)]
    steps = plan_epoch(
        lengths, [1] * len(lengths), seed=0, epoch=0,
        token_budget=training.sequence_length, global_batch_size=training.global_batch_size,
    )  # fmt: skip
    assert len(lengths) / len(steps) == pytest.approx(96, abs=1)


def test_a_recipe_over_a_workspace_of_another_is_the_recipe(tmp_path):
    write_preset(
        "llava", tmp_path,
        ["training.adapter=lora", "training.groups.llm.learning_rate=1e-6", "training.max_steps=5",
         "training.runs=mine", "training.device=cpu", "training.trackers=wandb"],
    )  # fmt: skip
    training = open_workspace(tmp_path, preset="paper").settings.training
    kept = {"runs": "mine", "device": "cpu", "trackers": ("wandb",)}
    assert training == replace(settings_of("paper").training, **kept)
    assert training.stages == ()


def test_llava_holds_the_two_stages_of_llava_1_5():
    settings = settings_of("llava")
    image = settings.features.image_encoder
    assert (image.model, image.layer, image.cls) == ("openai/clip-vit-large-patch14-336", -2, "drop")
    assert (settings.bridge.name, settings.bridge.layers) == ("mlp", 2)
    (_, align), (_, instruct) = stage_settings(settings.training)
    assert (align.train, instruct.train) == (("bridge", "begin_end_tokens"), ("bridge", "begin_end_tokens", "llm"))
    assert (align.learning_rate, instruct.learning_rate) == (1e-3, 2e-5)
    for stage, examples, tokens in ((align, 256, 600), (instruct, 128, 1024)):
        assert (stage.epochs, stage.warmup_ratio, stage.schedule, stage.weight_decay) == (1, 0.03, "cosine", 0.0)
        assert stage.global_batch_size * stage.sequence_length // tokens == examples
        assert stage.global_batch_size % 8 == 0
    assert (align.template, instruct.template) == ("plain", "alpaca")


def test_modern_and_lora_fit_a_video_with_half_a_minute_of_audio_into_a_sequence():
    for preset in ("modern", "lora"):
        settings = settings_of(preset)
        assert (settings.bridge.image.name, settings.training.template) == ("mlp", "chat")
        video = settings.features.frames * 576 / settings.bridge.video.stride
        audio = 30 * 50 / settings.bridge.audio.stride
        assert video + audio + 1000 < settings.training.max_length <= settings.training.sequence_length


def test_small_trains_the_bridge_first_and_then_a_lora_adapter_beside_it():
    training = settings_of("small").training
    (_, bridge), (_, lora) = stage_settings(training)
    assert training.adapter.kind == "lora" and bridge.train == ("bridge", "begin_end_tokens")
    assert lora.train == ("bridge", "begin_end_tokens", "llm")
    assert bridge.peak_learning_rate("bridge") > lora.peak_learning_rate("llm")
    assert bridge.epochs + lora.epochs == 3


def test_overrides_change_the_values_and_nothing_else():
    overrides = ["seed=5", "bridge=linear", "training.learning_rate=1e-4"]
    settings = settings_of("quickstart", *overrides)
    assert (settings.seed, settings.bridge.name, settings.training.learning_rate) == (5, "linear", 1e-4)
    assert settings.features == settings_of("quickstart").features
    assert "seed, bridge, training.learning_rate" in preset_yaml("quickstart", overrides)


@pytest.mark.parametrize("preset", get_args(Preset))
def test_overrides_keep_the_comments_of_what_they_do_not_change(preset):
    overrides = [
        "seed=5", "llm=a/b#c", "training.learning_rate=1e-3", "features.image_encoder.layer=[4,-1]",
        "features.audio_encoder=whisper", "dataset.sources=['jsonl:a b.jsonl', 'llava:x.json#3']", "training.stages=[]",
        "bridge={image: mlp, audio: {name: frame-stack, stride: 8}}", "chat.max_new_tokens=5",
    ]  # fmt: skip
    plain, changed = preset_yaml(preset), preset_yaml(preset, overrides)
    tree = yaml.safe_load(plain)
    for override in in_order(overrides):
        apply_override(tree, override)
    assert yaml.safe_load(changed) == tree
    above = plain.partition("bridge:")[0]
    assert [line for line in above.splitlines() if line.startswith("#")] == [
        line for line in changed.partition("\nbridge:")[0].splitlines()[1:] if line.startswith("#")
    ]


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("# a\na: 1  # one\nb: 2\n", {"a": 3, "b": 2}, "# a\na: 3  # one\nb: 2\n"),
        ("a: {b: 1, c: 2} # x\n", {"a": {"b": 1, "c": 2, "d": "e, f"}}, "a: {b: 1, c: 2, d: 'e, f'} # x\n"),
        ("a:\n  b: 1\n  # c\n\nd: 2\n", {"a": {"b": 1, "n": None}, "d": 2}, "a:\n  b: 1\n  n: null\n  # c\n\nd: 2\n"),
        ("a:\n  - x\n  - y  # y\nd: 2\n", {"a": ["z"], "d": 2}, "a: [z]  # y\nd: 2\n"),
        ("a: 1.0\n", {"a": 1}, "a: 1\n"),
        ("a: \"x\"\n", {"a": "y: z"}, "a: 'y: z'\n"),
        ("a: {}\n", {"a": {"b": True}}, "a: {b: true}\n"),
    ],
)
def test_a_commented_text_gets_other_values_in_place(text, wanted, expected):
    assert with_values(text, yaml.safe_load(text), wanted) == expected
    assert yaml.safe_load(expected) == wanted


def test_a_wrong_override_is_told():
    with pytest.raises(UsageError, match=r"training.epoch"):
        preset_yaml("quickstart", ["training.epoch=3"])


def test_a_preset_is_never_written_over_a_file(tmp_path):
    file = write_preset("paper", tmp_path / "a" / "b")
    assert file.read_text() == preset_yaml("paper")
    with pytest.raises(InputError, match="exists already"):
        write_preset("small", tmp_path / "a" / "b")
    assert file.read_text() == preset_yaml("paper")


@pytest.mark.parametrize(("overrides", "missing"), [
    ([], "media and conversations"), (["features.sources=[a]"], "conversations"),
    (["features.sources=[a]", "dataset.sources=[jsonl:b]"], ""),
])  # fmt: skip
def test_what_is_left_to_fill_in_is_what_no_override_names(overrides, missing):
    assert to_fill_in(overrides) == missing
