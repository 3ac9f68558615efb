"""A model in a class of transformers: the same logits and answers from raw media, and the same model when imported."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import tiny_checkpoints
import tiny_encoders
import tiny_llms
import tiny_macaw
from exporting import exported, refused, written

from macaw_cli.config.bridges.designs import design
from macaw_cli.export.companions import Companions
from macaw_cli.export.formats.stock.llm_fit import llm_obstacles
from macaw_cli.export.importing.run import import_any
from macaw_cli.inspection.inspect_folder import inspect_folder

WHOLE = {"projection": False}
PLAIN = {"projection": False, "layer": -2}
LLAVA = {
    "mlp": {"bridge": "mlp"},
    "one layer of mlp": {"bridge": design("mlp", layers=1)},
    "linear": {"bridge": "linear", "template": "plain"},
    "class token": {"bridge": "mlp", "image_settings": {**PLAIN, "cls": "keep"}},
    "last layer": {"bridge": "mlp", "image_settings": {"projection": False}},
}


IMAGE = {"modalities": ("image",), "image_settings": PLAIN}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with encoders of three architectures."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("stock"))
    tiny_encoders.make("siglip", folder / "models/siglip")
    return folder


@pytest.mark.parametrize("name", LLAVA)
def test_an_image_model_is_llava_and_again_a_model_of_macaw(root, tmp_path, name):
    again = exported(root, tmp_path, "llava", tiny_macaw.make_model(root, "model", **{**IMAGE, **LLAVA[name]}))
    assert again.model.fusion.begin_end_embeddings is None, "the LLM has them as rows now"


OTHERS = {
    "idefics3": {
        "modalities": ("image",), "image_encoder": "idefics3", "image_settings": {"post_layernorm": True, **WHOLE},
        "bridge": design("pixel-shuffle", variant="linear", norm=False),
    },
    "qwen2-audio": {"modalities": ("audio",), "audio_encoder": "qwen2_audio", "audio_settings": WHOLE},
    "blip2": {
        "modalities": ("image",), "image_encoder": "blip2",
        "image_settings": {"post_layernorm": True, "cls": "keep", **WHOLE},
        "bridge": design("q-former", tokens=5, hidden=16, layers=3, heads=2, feature_norm=False, norm=False),
    },
}  # fmt: skip


@pytest.mark.parametrize("template", ["alpaca", "plain"])
@pytest.mark.parametrize("form", OTHERS)
def test_other_classes_take_a_model_with_their_tower(root, tmp_path, form, template):
    getattr(tiny_checkpoints, form.replace("-", "_"))(root / "models" / form.replace("-", "_"))
    exported(root, tmp_path, form, tiny_macaw.make_model(root, "model", template=template, **OTHERS[form]))


@pytest.mark.parametrize("form", ["llava", "instructblip", *OTHERS])
def test_an_imported_checkpoint_is_exported_to_its_own_class(root, tmp_path, form):
    getattr(tiny_checkpoints, form.replace("-", "_"))(tmp_path / "original")
    import_any(tmp_path / "original", "", None, tmp_path / "own", Companions())
    exported(root, tmp_path, form, tmp_path / "own")


def test_siglip_has_no_class_token_to_drop(root, tmp_path):
    how = {**IMAGE, "image_encoder": "siglip", "image_settings": {"projection": False, "layer": -2}}
    exported(root, tmp_path, "llava", tiny_macaw.make_model(root, "model", bridge="mlp", **how))


@pytest.mark.parametrize("name", ["llama-tied", "qwen3", "gemma"])
def test_the_llm_may_be_any_that_has_a_plain_head(root, tmp_path, name):
    llm = tiny_llms.make(name, root / "models" / name, tiny_macaw.byte_tokenizer())
    exported(root, tmp_path, "llava", tiny_macaw.make_model(root, "model", bridge="mlp", llm=llm.name, **IMAGE))


DOES_MORE = {"gemma2": "logits", "cohere": "logits", "phi": "bias", "gpt2": "embed_tokens"}


@pytest.mark.parametrize(("name", "words"), DOES_MORE.items())
def test_an_llm_that_does_more_to_its_logits_is_told_before_a_training(name, words):
    [told] = llm_obstacles(tiny_llms.LLMS[name])
    assert words in told and tiny_llms.LLMS[name].model_type in told
    assert llm_obstacles(tiny_llms.LLMS["llama"]) == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"modalities": ("image", "audio")}, "no audio"),
        ({"modalities": ("audio",)}, "reads image"),
        ({"image_settings": {}}, "features.image_encoder.projection"),
        ({"bridge": "resampler"}, "resampler"),
        ({"bridge": design("mlp", norm=True)}, "bridge.norm"),
    ],
)
def test_what_llava_cannot_have_is_refused_before_any_work_as_the_plan_says(root, how, words):
    model = tiny_macaw.make_model(root, "refused", **{"bridge": "mlp", **IMAGE, **how})
    _, told = refused(root, "llava", model, words)
    assert told["hf"] == () and all(words in one for one in told.get("llava", [words]))


def test_the_command_proves_in_a_fresh_process_and_the_snippet_needs_transformers_alone(root, tmp_path):
    model = tiny_macaw.make_model(root, "whole", bridge="mlp", **IMAGE)
    command = [sys.executable, "-m", "macaw_cli", "export", str(model), "--format", "llava", "--out", "given", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["format"] == "llava" and told["proof"]["greedy_same"] == told["proof"]["greedy_tokens"] > 1
    assert told["proof"]["largest_difference"] <= 1e-5
    inspect_folder(root / "given", verify=True, as_json=False)
    snippet = re.search(r"```python\n(.*?)```", (root / "given/README.md").read_text(), re.DOTALL)[1]
    alone = shutil.copytree(root / "given", tmp_path / "elsewhere")
    done = subprocess.run(
        [sys.executable, "-c", f"{snippet}\nimport sys; assert 'macaw_cli' not in sys.modules"], cwd=alone,
        capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0 and re.fullmatch(r"[a-z]+\n", done.stdout), done.stderr


def test_the_new_tokens_are_never_written(root, tmp_path):
    model = tiny_macaw.make_model(root, "model", bridge="mlp", **IMAGE)
    source, _ = written(root, "llava", model, tmp_path / "folder")
    said = json.loads((tmp_path / "folder/generation_config.json").read_text())
    size = len(source.processor.tokenizer)
    assert said["suppress_tokens"] == [size, size + 1, size + 2]
