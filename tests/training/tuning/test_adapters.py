"""LoRA, DoRA and QLoRA: what is trained, what is saved, that PEFT reads it, and that a run goes on exactly."""

import json

import pytest
import torch
from interrupted_run import whole_and_interrupted
from safetensors.torch import load_file

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.folder import load_model
from macaw_cli.training.checkpoints.folder import checkpoints
from macaw_cli.training.run import train

# PEFT asks transformers by an old name
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
SLOW = pytest.mark.slow
MERGED = [("lora", 0), ("dora", 0), ("lora", 3), pytest.param("dora", 3, marks=SLOW)]
CONTINUED = [("qlora", 2), ("dora", 0), ("lora", 3)]
LORA = {"kind": "lora", "rank": 4, "alpha": 8.0}


def llm_logits(llm):
    with torch.no_grad():
        return llm.eval()(torch.arange(3, 40)[None]).logits


def base_with_adapter(world, run, **loading):
    """The LLM as anybody loads it, with the run's adapter put on it by PEFT."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(world / "llm", dtype=torch.float32, **loading)
    for layer in base.modules():
        layer.support_avx512bf16_for_cpu = False  # a faster path of bitsandbytes that takes no layer as small as these
    return PeftModel.from_pretrained(base, run / "model" / "adapter")


@pytest.mark.parametrize(("kind", "zero_stage"), MERGED)
def test_base_and_adapter_by_peft_compute_what_the_merged_model_computes(workspace, world, kind, zero_stage):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    settings = {"zero_stage": zero_stage, "gradient_checkpointing": zero_stage == 3}
    space = workspace(max_steps=3, adapter=LORA | {"kind": kind}, learning_rate=1e-2, **settings)
    train(space)
    run = space.root / "runs" / "linear-1"
    merged, _ = load_model(run)
    by_peft = base_with_adapter(world, run)
    assert torch.allclose(llm_logits(merged.language_model), llm_logits(by_peft), atol=1e-5)
    with by_peft.disable_adapter():
        assert not torch.allclose(llm_logits(merged.language_model), llm_logits(by_peft), atol=1e-3)
    config = json.loads((run / "model" / "adapter" / "adapter_config.json").read_text())
    assert config["use_dora"] == (kind == "dora")
    assert set(load_file(run / "model" / "model.safetensors")) == set(merged.state_dict())


def test_four_bit_weights_are_written_out_for_the_merged_model(workspace, world):
    from transformers import BitsAndBytesConfig

    pytest.importorskip("bitsandbytes")
    space = workspace(max_steps=3, adapter=LORA | {"kind": "qlora"}, learning_rate=1e-2)
    train(space)
    run = space.root / "runs" / "linear-1"
    merged, _ = load_model(run)
    quantised = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    by_peft = base_with_adapter(world, run, quantization_config=quantised)
    assert torch.allclose(llm_logits(merged.language_model), llm_logits(by_peft), atol=1e-4)
    assert {weight.dtype for weight in load_file(run / "model" / "model.safetensors").values()} == {torch.float32}
    assert "quantization_config" not in (run / "model" / "config.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "zero_stage"), CONTINUED)
def test_a_run_with_an_adapter_goes_on_exactly_and_its_checkpoints_hold_what_is_trained(
    workspace, monkeypatch, kind, zero_stage
):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    settings = {"max_steps": 4, "adapter": LORA | {"kind": kind, "dropout": 0.2}, "zero_stage": zero_stage}
    ours, theirs, stopped = whole_and_interrupted(workspace, monkeypatch, **settings)
    saved = checkpoints(theirs / "checkpoints")
    for file in saved[-1].glob("*.pt"):
        file.unlink()
    train(stopped, resume=True)
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (ours / "model" / file).read_bytes() == (theirs / "model" / file).read_bytes()
    modules = [torch.load(file)["module"] for file in saved[0].glob("*model_states.pt")]
    for module in modules:
        named = {name for name, weight in module.items() if name.endswith("weight") or ".lora_" in name}
        assert named <= {name for name in named if name.startswith("fusion.") or ".lora_" in name}


def test_a_target_that_no_layer_has_is_told_with_the_names_there_are(workspace):
    space = workspace(adapter=LORA | {"targets": ["q_proj", "query"]})
    with pytest.raises(UsageError, match=r"down_proj.*gate_proj.*k_proj.*lm_head.*o_proj"):
        train(space)
    assert not (space.root / "runs" / "linear-1").exists()


def test_only_the_layers_that_are_named_get_an_adapter(workspace):
    space = workspace(max_steps=1, adapter=LORA | {"targets": ["q_proj", "v_proj"]}, train=["llm"])
    train(space)
    weights = load_file(space.root / "runs" / "linear-1" / "model" / "adapter" / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in weights} == {"q_proj", "v_proj"}
    assert {name.split(".")[-2] for name in weights} == {"lora_A", "lora_B"}


def test_an_adapter_that_no_stage_trains_is_refused(workspace):
    with pytest.raises(UsageError, match=r"training\.train"):
        train(workspace(adapter="lora", train=["bridge"]))


def test_four_bits_under_zero_3_are_refused(workspace):
    with pytest.raises(UsageError, match="zero_stage=3 cannot split"):
        train(workspace(adapter="qlora", zero_stage=3))
