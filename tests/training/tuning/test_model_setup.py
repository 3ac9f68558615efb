"""What may stand under `llm`, and what is refused before anything else is read."""

from dataclasses import replace

import pytest
import torch
from transformers import BartConfig, CLIPConfig, LlamaConfig, WhisperConfig

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import DatasetSettings, Settings
from macaw_cli.planning.run import plan_training
from macaw_cli.training.processes import Processes
from macaw_cli.training.run import train
from macaw_cli.training.steps.deepspeed_setup import process_group
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_config import causal_llm_config
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import freeze


def space(folder, config):
    config.save_pretrained(folder / "models" / "it")
    return Workspace(folder, Settings(llm="models/it"))


@pytest.mark.parametrize("config", [CLIPConfig, WhisperConfig, BartConfig])
def test_a_model_that_is_no_causal_llm_is_refused_with_its_type(tmp_path, config):
    told = rf"^models/it is not a causal LLM \(model type {config.model_type}\)"
    with pytest.raises(InputError, match=told):
        causal_llm_config(space(tmp_path, config()))


@pytest.mark.parametrize("command", [train, plan_training])
def test_training_and_its_plan_refuse_it(world, tmp_path, command):
    workspace = space(tmp_path, CLIPConfig())
    settings = replace(workspace.settings, dataset=DatasetSettings(out=str(world / "dataset")))
    with pytest.raises(InputError, match="models/it"):
        command(replace(workspace, settings=settings), cpu_processes=1)
    assert not (tmp_path / "runs").exists()


def test_a_causal_llm_is_taken(tmp_path):
    assert causal_llm_config(space(tmp_path, LlamaConfig())).model_type == "llama"


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_in_sixteen_bits_the_llm_is_loaded_so_and_training_begins_with_the_same_values(workspace, adapter):
    """Values in bf16 and their fp32 masters, against those of an LLM that was loaded in fp32."""
    space = workspace(precision="bf16", bridge="macaw", adapter={"kind": adapter})
    inputs = prepare(space)
    made = new_model(space, inputs.config, inputs.dataset)
    buffers = {name: buffer.dtype for name, buffer in made.named_buffers()}
    assert {p.dtype for name, p in made.language_model.named_parameters()} == {torch.bfloat16}
    assert {p.dtype for p in made.fusion.bridges.parameters()} == {torch.float32}
    assert {dtype for dtype in buffers.values() if dtype.is_floating_point} == {torch.float32}

    in_full = new_model(with_precision(space, "fp32"), inputs.config, inputs.dataset)
    found = []
    with process_group(Processes(1, "cpu")):
        for model in (made, in_full):
            freeze(model, space.settings.training.train)
            engine = TrainingEngine(model, space.settings.training, Processes(1, "cpu"))
            masters = [master for group in engine._engine.optimizer.fp32_groups for master in group]
            found.append(({name: p.detach().clone() for name, p in model.named_parameters()}, masters))
    (one, one_masters), (other, other_masters) = found
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert set(different) <= {"fusion.begin_end_embeddings.weight"}  # of the LLM's embeddings, rounded here
    for pair in ([one[name], other[name]] for name in different):
        assert torch.allclose(*pair, rtol=2**-7)
    assert all(torch.allclose(*pair, rtol=2**-7) for pair in zip(one_masters, other_masters, strict=True))
    assert {master.dtype for master in one_masters} == {torch.float32}


def with_precision(workspace, precision):
    training = replace(workspace.settings.training, precision=precision)
    return replace(workspace, settings=replace(workspace.settings, training=training))
