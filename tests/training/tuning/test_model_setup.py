"""What may stand under `llm`, and what is refused before anything else is read."""

from dataclasses import replace

import pytest
from transformers import BartConfig, CLIPConfig, LlamaConfig, WhisperConfig

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import DatasetSettings, Settings
from macaw_cli.training.run import train
from macaw_cli.training.tuning.model_setup import causal_llm_config


def space(folder, config):
    config.save_pretrained(folder / "models" / "it")
    return Workspace(folder, Settings(llm="models/it"))


@pytest.mark.parametrize("config", [CLIPConfig, WhisperConfig, BartConfig])
def test_a_model_that_is_no_causal_llm_is_refused_with_its_type(tmp_path, config):
    told = rf"^models/it is no causal LLM \(model type {config.model_type}\)"
    with pytest.raises(InputError, match=told):
        causal_llm_config(space(tmp_path, config()))


@pytest.mark.parametrize("plan", [True, False])
def test_training_and_its_plan_refuse_it(world, tmp_path, plan):
    workspace = space(tmp_path, CLIPConfig())
    settings = replace(workspace.settings, dataset=DatasetSettings(out=str(world / "dataset")))
    with pytest.raises(InputError, match=r"models/it is no causal LLM \(model type clip\)"):
        train(replace(workspace, settings=settings), plan=plan, cpu_processes=1)
    assert not (tmp_path / "runs").exists()


def test_a_causal_llm_is_taken(tmp_path):
    assert causal_llm_config(space(tmp_path, LlamaConfig())).model_type == "llama"
