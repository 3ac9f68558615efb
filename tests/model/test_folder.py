import json
import os
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.model.configuration import FORMAT_VERSION, MacawConfig
from macaw_cli.model.folder import load_model, model_folder, newest_model, save_model
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor


def test_a_run_or_its_model_folder_loads_in_evaluation_mode(tiny, tokenizer, tmp_path):
    model = tiny.model(llm=tiny.llm_config(vocab_size=len(tokenizer)))
    save_model(model, MacawProcessor(tokenizer, model.config), tmp_path / "run" / "model")
    for path in (tmp_path / "run", tmp_path / "run" / "model"):
        loaded, processor = load_model(path)
        assert not loaded.training
        assert processor.encoder.config.feature_shapes == model.config.feature_shapes
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model"]


def test_saving_again_replaces_the_older_model(tiny, tmp_path):
    save_model(tiny.model("linear"), None, tmp_path / "model")
    (tmp_path / "model" / "vocab.json").touch()  # of an older tokenizer
    save_model(tiny.model("linear"), None, tmp_path / "model")
    assert not (tmp_path / "model" / "vocab.json").exists()


def test_a_folder_with_files_of_others_is_not_replaced(tiny, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").touch()
    with pytest.raises(InputError, match=r"old\.txt"):
        save_model(tiny.model("linear"), None, tmp_path / "model")
    assert (tmp_path / "model" / "old.txt").exists()


def test_a_saved_model_does_not_know_where_its_parts_came_from(tiny, tokenizer, tmp_path):
    config = tiny.config("linear", llm=tiny.llm_config(vocab_size=len(tokenizer)))
    AutoModelForCausalLM.from_config(config.text_config).save_pretrained(tmp_path / "llm")
    config.text_config = AutoConfig.from_pretrained(tmp_path / "llm")
    model = MacawForConditionalGeneration.build(config, str(tmp_path / "llm"))
    save_model(model, MacawProcessor(tokenizer, config), tmp_path / "model")
    texts = [file.read_text() for file in (tmp_path / "model").iterdir() if file.suffix == ".json"]
    assert len(texts) >= 4
    assert not any(str(tmp_path) in text for text in texts)


def test_loading_a_processor_warns_of_nothing(tiny, tokenizer, tmp_path, capfd):
    config = tiny.config("linear", llm=tiny.llm_config(vocab_size=len(tokenizer)))
    MacawProcessor(tokenizer, config).save_pretrained(tmp_path)
    MacawProcessor.from_pretrained(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_model_without_tokenizer_is_told(tiny, tmp_path):
    save_model(tiny.model("linear"), None, tmp_path / "model")
    with pytest.raises(InputError, match="has no tokenizer"):
        load_model(tmp_path / "model")


def test_a_folder_without_model_and_one_with_another_are_told(tmp_path):
    with pytest.raises(InputError, match="model"):
        model_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(InputError, match="llama"):
        model_folder(tmp_path)


def test_a_folder_of_a_newer_macaw_is_refused(tiny, tmp_path):
    save_model(tiny.model("linear"), None, tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format_version": 99}))
    from macaw_cli.model.configuration import MacawConfig

    with pytest.raises(MismatchError, match="format version 99"):
        MacawConfig.from_pretrained(tmp_path / "model")


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def rename_weights(folder, old, new):
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace(old, new, 1) if name.startswith(old) else name: value for name, value in weights.items()}
    save_file(renamed, folder / "model.safetensors", {"format": "pt"})


def saved(tiny, tokenizer, folder, *bridge, **options):
    model = tiny.model(*bridge, llm=tiny.llm_config(vocab_size=len(tokenizer)), **options)
    save_model(model, MacawProcessor(tokenizer, model.config), folder)
    return model


@pytest.mark.parametrize(
    "bridge",
    [{"name": "macaw"}, {"name": "macaw", "variant": "default", "layers": 2}, {}, {"image": {"name": "mlp"}},
     {"image": {"name": "linear"}, "audio": {"name": "macaw"}, "video": {"name": "mlp"}}],
)  # fmt: skip
def test_a_version_1_folder_with_the_earlier_default_bridge_is_refused(tiny, tokenizer, tmp_path, bridge):
    saved(tiny, tokenizer, tmp_path)
    change_config(tmp_path, format_version=1, bridge=bridge)
    with pytest.raises(MismatchError, match=r"macaw.*1") as caught:
        load_model(tmp_path)
    assert "Train it again" in caught.value.hint


@pytest.mark.parametrize(("bridge", "options"), [("macaw", {"variant": "paper"}), ("linear", {}), ("mlp", {})])
def test_a_version_1_folder_with_an_unchanged_bridge_loads_and_is_saved_in_the_present_version(
    tiny, tokenizer, tmp_path, bridge, options
):
    saved(tiny, tokenizer, tmp_path / "old", bridge, **options)
    change_config(tmp_path / "old", format_version=1)
    model, processor = load_model(tmp_path / "old")
    save_model(model, processor, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "config.json").read_text())["format_version"] == FORMAT_VERSION


def test_windows_and_heads_that_version_2_kept_beside_the_bridge_are_those_of_the_bridge(tiny, tokenizer, tmp_path):
    windows, heads = {"image": [5, 4], "audio": [6, 5], "video": [4, 3]}, 4
    bridge = {name: {"name": "macaw", "variant": "paper", "heads": 2} for name in windows}
    fixed = {name: {**bridge[name], "windows": windows[name], "alignment_heads": heads} for name in windows}
    model = saved(tiny, tokenizer, tmp_path, "macaw", variant="paper", heads=2)
    model = MacawForConditionalGeneration(MacawConfig(**{**model.config.to_dict(), "bridge": fixed}))
    save_model(model, MacawProcessor(tokenizer, model.config), tmp_path)
    change_config(tmp_path, format_version=2, bridge=bridge["image"], conv=windows, align_heads=heads)
    rename_weights(tmp_path, "fusion.begin_end_embeddings.", "tag_embeddings.")
    rename_weights(tmp_path, "fusion.", "")
    by_class = MacawForConditionalGeneration.from_pretrained(tmp_path)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in by_class.state_dict().items())
    loaded, processor = load_model(tmp_path)
    assert list(loaded.config.bridge_settings("audio").windows) == [6, 5]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in loaded.state_dict().items())
    save_model(loaded, processor, tmp_path / "again")
    assert any(name.startswith("fusion.bridges.") for name in load_file(tmp_path / "again" / "model.safetensors"))
    assert loaded.fusion.bridges["video"].alignment.heads == heads
    assert "conv" not in loaded.config.to_dict() and "align_heads" not in loaded.config.to_dict()


@pytest.mark.parametrize("change", ["missing", "unexpected", "of another shape"])
def test_weights_that_do_not_fit_the_configuration_are_named(tiny, tokenizer, tmp_path, change):
    saved(tiny, tokenizer, tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.startswith("fusion.bridges.audio.") and weights[name].dim())
    weight = weights.pop(name)
    if change == "unexpected":
        weights |= {name: weight, f"{name}_more": weight.clone()}
    elif change == "of another shape":
        weights[name] = weight.new_zeros(*weight.shape, 2)
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(MismatchError, match=rf"config.json.*1.*{change}.*{name}"):
        load_model(tmp_path)


def test_the_newest_model_of_a_workspace_is_found(tmp_path):
    workspace = Workspace(tmp_path, Settings())
    with pytest.raises(InputError, match="model"):
        newest_model(workspace)
    for age, name in enumerate(("b-newest", "a-older", "c-oldest")):
        file = tmp_path / "runs" / name / "model" / "config.json"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (1000 - age, 1000 - age))
    assert newest_model(workspace) == tmp_path / "runs" / "b-newest" / "model"


def test_cut_weights_are_told_by_name(tiny, tokenizer, tmp_path):
    model = tiny.model(llm=tiny.llm_config(vocab_size=len(tokenizer)))
    save_model(model, MacawProcessor(tokenizer, model.config), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(DamagedError, match="are truncated or changed"):
        load_model(tmp_path / "model")


def test_a_run_that_is_still_trained_is_named(tmp_path, capsys):
    workspace = Workspace(tmp_path, Settings())
    with folder_lock(tmp_path / "runs" / "growing"):
        with pytest.raises(InputError) as caught:
            newest_model(workspace)
        assert "growing" in caught.value.problem and f"process {os.getpid()}" in caught.value.problem
        with pytest.raises(InputError) as caught:
            model_folder(tmp_path / "runs" / "growing")
        assert f"process {os.getpid()}" in caught.value.problem
        done = tmp_path / "runs" / "done" / "model"
        done.mkdir(parents=True)
        (done / "config.json").write_text("{}")
        assert newest_model(workspace) == done
        assert {"growing", "done"} <= set(re.findall(r"\w+", capsys.readouterr().err))
