"""The same LLM is known wherever it lies; another one of the same shape is not taken for it."""

import shutil

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from macaw_cli.training.tuning.llm_identity import llm_identity


def identity(folder):
    return llm_identity(str(folder), AutoConfig.from_pretrained(folder))


def test_a_moved_llm_is_the_same_and_a_tuned_one_another(world, tmp_path):
    shutil.copytree(world / "llm", tmp_path / "moved")
    assert identity(tmp_path / "moved") == identity(world / "llm")
    model = AutoModelForCausalLM.from_pretrained(world / "llm")
    with torch.no_grad():
        model.model.layers[0].self_attn.q_proj.weight.add_(1e-3)
    model.save_pretrained(tmp_path / "tuned")
    assert identity(tmp_path / "tuned") != identity(world / "llm")
