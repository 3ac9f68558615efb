"""The door to models of transformers: a model folder never runs code, never asks, and reads no pickle."""

import json
import pickle
import shutil
import sys

import pytest
import torch
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from macaw_cli.basics.errors import InputError
from macaw_cli.encoders.folder_checks import require_tokenizer_files
from macaw_cli.encoders.pretrained import (
    causal_lm_of,
    load_causal_lm,
    load_config,
    load_model_class,
    load_preprocessor,
    load_tokenizer,
    load_weights,
    model_config,
)
from macaw_cli.encoders.source import explain
from macaw_cli.quickstart.checkpoints import SHIPPED

LLAMA = SHIPPED / "llama"
AUTO_MAP = {
    "AutoConfig": "evil.EvilConfig", "AutoModel": "evil.EvilModel", "AutoModelForCausalLM": "evil.EvilModel",
    "AutoTokenizer": ["evil.EvilTokenizer", "evil.EvilTokenizer"], "AutoImageProcessor": "evil.EvilProcessor",
    "AutoFeatureExtractor": "evil.EvilExtractor", "AutoProcessor": "evil.EvilProcessor",
}  # fmt: skip
LOADERS = {
    "config": load_config,
    "encoder config": lambda folder: model_config(str(folder), "", "image_encoder"),
    "tokenizer": load_tokenizer,
    "image processor": lambda folder: load_preprocessor(AutoImageProcessor, folder, backend="pil"),
    "feature extractor": lambda folder: load_preprocessor(AutoFeatureExtractor, folder),
    "LLM": load_causal_lm,
}


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A folder whose every file asks for its own code, which leaves a mark when it runs; `y` waits on stdin."""
    mark = tmp_path / "it ran"
    code = f"open({str(mark)!r}, 'w').close()\nclass EvilConfig: pass\nEvilModel = EvilTokenizer = EvilConfig\n"
    folder = tmp_path / "model"
    (folder / "custom_generate").mkdir(parents=True)
    for name in ("evil.py", "modeling_evil.py", "custom_generate/generate.py", "__init__.py"):
        (folder / name).write_text(code)
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        content = {"model_type": "evil", "auto_map": AUTO_MAP, "tokenizer_class": "EvilTokenizer",
                   "image_processor_type": "Evil", "feature_extractor_type": "Evil"}  # fmt: skip
        (folder / name).write_text(json.dumps(content))
    (tmp_path / "answers").write_text("y\n" * 20)
    with (tmp_path / "answers").open() as answers:
        monkeypatch.setattr(sys, "stdin", answers)
        yield folder
        assert answers.read() == "y\n" * 20, "somebody was asked"
    assert not mark.exists(), "the folder's code ran"


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
def test_a_folder_that_needs_its_own_code_is_one_clear_error(evil, loader, capfd):
    with pytest.raises(InputError, match=str(evil)) as raised:
        loader(evil)
    assert "code of its own" in raised.value.problem
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("repository", ["evil.EvilModel", "somebody/evil--evil.EvilModel"])
def test_a_configuration_whose_model_is_code_makes_no_model(evil, repository):
    from transformers import CLIPConfig

    config = CLIPConfig()
    config.auto_map = {"AutoModelForCausalLM": repository}
    config._name_or_path = str(evil)
    with pytest.raises(InputError, match="code of its own"):
        causal_lm_of(config)


def test_a_folder_of_a_known_architecture_is_loaded_without_the_code_beside_it(evil):
    for file in LLAMA.iterdir():
        shutil.copy(file, evil / file.name)
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        content = json.loads((evil / name).read_text()) | {"auto_map": AUTO_MAP}
        (evil / name).write_text(json.dumps(content))
    llm = load_causal_lm(evil)
    assert llm.config.model_type == "llama"
    ids = llm.generate(torch.tensor([[5]]), max_new_tokens=1, do_sample=False, pad_token_id=0)
    assert ids.shape == (1, 2)
    assert len(load_tokenizer(evil)) == len(AutoTokenizer.from_pretrained(LLAMA))


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle ran')",)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_weights_that_are_a_pickle_are_refused_unread(tmp_path, name):
    LlamaConfig().save_pretrained(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match=rf"pickle files \({name}\)") as raised:
        load_causal_lm(tmp_path)
    assert "safetensors" in raised.value.hint
    with pytest.raises(InputError, match="pickle"):
        load_weights(AutoModelForCausalLM, str(tmp_path), "")


def test_safetensors_are_taken_and_a_pickle_beside_them_is_left_alone(tmp_path):
    for file in LLAMA.iterdir():
        shutil.copy(file, tmp_path / file.name)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    assert load_causal_lm(tmp_path).config.model_type == "llama"


def test_an_adapter_alone_does_not_lead_to_the_model_it_names(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/somewhere/else"}))
    with pytest.raises(InputError, match="holds an adapter"):
        load_model_class(AutoModelForCausalLM, tmp_path)


@pytest.mark.parametrize("names", ['{"a": "../x.safetensors"}', '{"a": "/x.safetensors"}', '{"a": 1}', "[]", "[" * 999])
def test_an_index_that_leads_out_of_its_folder_is_refused(tmp_path, names):
    LlamaConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(f'{{"weight_map": {names}}}')
    with pytest.raises(InputError, match="index"):
        load_causal_lm(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{", '"x"', "[" * 100_000, '{"model_type": 3}', '{"model_type": []}', ""])
def test_a_damaged_configuration_or_tokenizer_is_one_clear_error(tmp_path, content):
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        (tmp_path / name).write_text(content)
    for loader in (load_config, load_tokenizer):
        with pytest.raises(InputError, match="cannot be loaded") as raised:
            loader(tmp_path)
        assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(("source", "words"), [
    ("/nowhere/at all", "no folder"), ("./nowhere", "no folder"), ("a b", "neither a folder nor a possible name"),
])  # fmt: skip
def test_a_folder_that_is_not_there_is_told_as_such(source, words):
    for loader in (load_config, load_tokenizer, load_causal_lm):
        with pytest.raises(InputError, match=words) as raised:
            loader(source)
        assert source in raised.value.problem


@pytest.mark.parametrize(("kind", "words"), [("macaw", "is a model of macaw"), ("nobodys", "nobodys")])
def test_a_type_that_transformers_does_not_have_is_told(tmp_path, kind, words):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(InputError, match=words):
        load_config(tmp_path)


def test_a_folder_without_tokenizer_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(InputError, match="holds no tokenizer"):
        load_tokenizer(tmp_path)
    for name in ("tokenizer.model", "tekken.json", "spm.model", "source.spm", "vocab.txt", "sentencepiece.bpe.model"):
        (tmp_path / name).touch()
        require_tokenizer_files(tmp_path)
        (tmp_path / name).unlink()


def test_what_follows_a_colon_is_told_with_it(tmp_path):
    told = explain(str(tmp_path), ValueError("None of:\n(1) a file\n(2) code"))
    assert told.problem.endswith("None of: (1) a file")
