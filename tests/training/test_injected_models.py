"""Every injection through a whole training: from images, continued exactly where it stopped, exported and reloaded."""

import json
import shutil

import pytest
import tiny_macaw
import torch
import yaml
from every_injection import INJECTIONS, OPTIONS
from interrupted_run import whole_and_interrupted
from PIL import Image
from safetensors.torch import load_file
from tiny_world import COLOURS, make_llm, settings_tree

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.export.run import export_model
from macaw_cli.features.extract import extract
from macaw_cli.training.run import train

OPEN_AFTER_A_STEP = {
    "deepstack": "linear_fc2.weight", "gated-cross-attention": "gates.attention", "lavin": "conv_B.weight",
    "llama-adapter": "gate", "llama-adapter-v2": "gate", "mllama-cross-attention": "cross_attn_attn_gate",
    "plora": "up.weight",
}  # fmt: skip
"""Name to the end of the names of what starts as zeros."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with tiny models, images, their features of two layers, and a dataset that asks for their colours."""
    folder = tmp_path_factory.mktemp("images")
    tiny_macaw.make_models(folder / "models")
    shutil.rmtree(folder / "models/llm")
    make_llm(folder / "models/llm")
    (folder / "media").mkdir()
    rows = []
    for number in range(16):
        colour = COLOURS[number % 4]
        Image.new("RGB", (32, 32), colour).save(folder / "media" / f"{number}.png")
        talk = [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": colour}]
        rows.append({"id": f"q-{number}", "image": [f"media/{number}.png"], "messages": talk})
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    space = workspace_in(folder, folder)
    extract(space, ["media"])
    build_dataset(space)
    return folder


def workspace_in(images, folder, **training):
    """A workspace on the images' models, features and dataset."""
    tree = settings_tree(**{"max_steps": 2, "learning_rate": 1e-2, **training})
    models = images / "models"
    tree["llm"], tree["dataset"]["out"] = str(models / "llm"), str(images / "dataset")
    tree["features"] = {
        "image_encoder": {"model": str(models / "clip"), "layer": [1, -1]}, "audio_encoder": str(models / "whisper"),
        "out": str(images / "features"),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    return Workspace(folder, parse_settings(tree, "test"))


@pytest.fixture
def workspace(images, tmp_path):
    """`workspace(at, **training settings)`."""
    return lambda at=".", **training: workspace_in(images, tmp_path / at, **training)


def injection(name):
    return {"name": name, **OPTIONS[name]}


@pytest.mark.parametrize(
    "name", ["deepstack", *(pytest.param(name, marks=pytest.mark.slow) for name in INJECTIONS if name != "deepstack")]
)
def test_a_trained_model_is_exported_and_gives_the_same_logits_when_it_is_loaded(workspace, name):
    space = workspace(injection=injection(name))
    train(space)
    weights = load_file(space.root / "runs/linear-1/model/model.safetensors")
    started = {key: value for key, value in weights.items() if key.endswith(OPEN_AFTER_A_STEP[name])}
    assert any(value.any() for value in started.values()), "the injection is closed as at the start"
    proof = export_model(space, space.root / "runs/linear-1/model").proof
    assert proof.modalities == ("image",)
    assert proof.largest_difference <= 1e-5


@pytest.mark.parametrize("name", ["lavin", "llama-adapter-v2"])
def test_a_run_that_stops_in_between_ends_with_the_same_bytes(workspace, monkeypatch, name):
    """These two keep most between calls: mixtures of routing tokens, and prompts that were read from media."""
    ours, theirs, stopped = whole_and_interrupted(workspace, monkeypatch, max_steps=4, injection=injection(name))
    for file in max((theirs / "checkpoints").glob("step-*")).glob("*.pt"):
        file.unlink()
    train(stopped, resume=True)
    model = "model/model.safetensors"
    assert (theirs / model).read_bytes() == (ours / model).read_bytes()
    losses = [
        [row["loss"] for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if "loss" in row]
        for run in (ours, theirs)
    ]
    assert losses[0] == losses[1]
    assert torch.tensor(losses[0]).isfinite().all()
