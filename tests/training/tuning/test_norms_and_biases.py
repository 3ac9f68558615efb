"""Norms and biases of the LLM as all that is trained of it: new biases are zero, and stock classes read them."""

import json

import pytest
import torch
from interrupted_run import whole_and_interrupted
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from macaw_cli.model.folder import load_model
from macaw_cli.training.run import train
from macaw_cli.training.tuning.norms_and_biases import add_biases, norms_and_biases

TINY = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2,
}  # fmt: skip
BIASED = {"attention_bias", "mlp_bias"}
GPT2 = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2}
KINDS = {"llama": TINY, "qwen2": TINY, "qwen3": TINY | {"head_dim": 8}, "gemma": TINY | {"head_dim": 8}, "gpt2": GPT2}


def llm_of(kind):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **KINDS[kind])).eval()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_an_llm_computes_what_it_did_and_its_configuration_tells_its_biases(kind, tmp_path):
    llm = llm_of(kind)
    ids = torch.arange(12)[None]
    before, own = llm(ids).logits, {name for name, _ in llm.named_parameters()}
    add_biases(llm)
    assert torch.equal(llm(ids).logits, before)
    new = {name for name, _ in llm.named_parameters()} - own
    assert bool(new) == (kind in {"llama", "qwen3", "gemma"})
    assert all(name.endswith("_proj.bias") for name in new)
    for name in new:
        llm.get_parameter(name).normal_()
    llm.save_pretrained(tmp_path)
    again, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert torch.equal(again.eval()(ids).logits, llm(ids).logits)
    add_biases(again)  # of a model that has them already: they are kept
    assert torch.equal(again(ids).logits, llm(ids).logits)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_trained_is_all_norms_and_all_biases_and_nothing_else(kind):
    llm = llm_of(kind)
    names = norms_and_biases(llm)
    named = {name for name, _ in llm.named_parameters() if name.endswith("bias") or "norm" in name or "ln_" in name}
    assert names == named


@pytest.mark.parametrize("zero_stage", [0, 3])
def test_a_run_changes_norms_and_biases_alone_and_stock_transformers_reads_its_llm(workspace, world, zero_stage):
    space = workspace(max_steps=3, adapter="norms-and-biases", learning_rate=1e-2, zero_stage=zero_stage)
    train(space)
    run = space.root / "runs" / "linear-1"
    model, _ = load_model(run)
    llm, base = model.language_model, AutoModelForCausalLM.from_pretrained(world / "llm", dtype=torch.float32)
    assert all(json.loads((run / "model/config.json").read_text())["text_config"][flag] for flag in BIASED)
    old = dict(base.named_parameters())
    new = {name: torch.zeros_like(value) for name, value in llm.named_parameters() if name not in old}
    changed = {name for name, value in llm.named_parameters() if not torch.equal(value, (old | new)[name])}
    # a bias of the keys moves all scores of a query alike where positions are not rotated, and else very little
    assert changed | {name for name in new if "k_proj" in name} == norms_and_biases(llm)
    assert not (run / "model/adapter").exists()


def test_two_processes_write_what_one_does_and_it_can_be_loaded(workspace):
    settings = {"max_steps": 2, "adapter": "norms-and-biases", "learning_rate": 1e-3, "global_batch_size": 2}
    space = workspace(name="one", **settings)
    train(space)
    train(workspace(name="two", **settings), cpu_processes=2)
    models = [load_model(space.root / "runs" / name)[0] for name in ("one", "two")]
    one, two = (dict(model.named_parameters()) for model in models)
    assert set(one) == set(two)
    norms = [name for name in one if "norm" in name]
    assert norms
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in norms)


def test_a_training_starts_from_a_model_that_has_no_biases_yet(workspace):
    space = workspace(name="first", max_steps=1)
    train(space)
    train(workspace(name="further", max_steps=1, adapter="norms-and-biases", start_from="runs/first"))
    first, _ = load_model(space.root / "runs/first")
    further, _ = load_model(space.root / "runs/further")
    assert not first.config.text_config.mlp_bias
    assert further.config.text_config.mlp_bias


def test_a_run_that_stops_in_between_ends_with_the_same_bytes_and_another_starts_from_it(workspace, monkeypatch):
    ours, theirs, stopped = whole_and_interrupted(
        workspace, monkeypatch, max_steps=4, adapter="norms-and-biases", learning_rate=1e-2
    )
    train(stopped, resume=True)
    assert (ours / "model/model.safetensors").read_bytes() == (theirs / "model/model.safetensors").read_bytes()
    further = workspace(max_steps=1, adapter="norms-and-biases", start_from=str(ours), name="further")
    train(further)
    first = load_file(ours / "model/model.safetensors")
    last = load_file(further.root / "runs/further/model/model.safetensors")
    assert set(first) == set(last)
    frozen = [name for name in first if name.endswith("_proj.weight")]
    assert frozen
    assert all(torch.equal(first[name], last[name]) for name in frozen)
