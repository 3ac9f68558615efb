"""The estimate of memory: each setting moves what it should, and real steps take about what was estimated."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from macaw_cli.config.bridges.designs import design
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.bridges.macaw import MacawBridge
from macaw_cli.model.injections.gated_cross_attention import GatedCrossAttention
from macaw_cli.planning.machine_memory import MachineMemory
from macaw_cli.planning.measured_steps import measure
from macaw_cli.planning.memory_estimate import ModelSize, SequenceSize, estimate, total
from macaw_cli.planning.memory_verdict import judge
from macaw_cli.training.processes import Processes
from macaw_cli.training.steps.deepspeed_config import deepspeed_config

SIZE = ModelSize(
    trained=7 * 10**9, frozen=0, quantised=0, head=0, hidden_size=4096, layers=32, feed_forward=11008, vocabulary=32000,
    key_value_size=4096, bridges={},
)  # fmt: skip
SEQUENCE = SequenceSize(tokens=2048, supervised=500, soft_tokens={"image": 100})
GIB = 2**30


def device(training, processes=1, size=SIZE, sequence=SEQUENCE):
    return estimate(size, sequence, training, Processes(processes, "cpu"))["device"]


def test_a_16_bit_training_keeps_weights_gradients_and_three_values_in_fp32():
    memory = device(TrainingSettings(precision="bf16"))
    assert memory["weights"] == memory["gradients"] == 14 * 10**9
    assert memory["optimizer state"] == 12 * 7 * 10**9


@pytest.mark.parametrize(
    ("stage", "shared"), [(1, {"optimizer state"}), (2, {"optimizer state", "gradients"}),
                          (3, {"optimizer state", "gradients", "weights"})],
)  # fmt: skip
def test_each_zero_stage_shares_more_among_the_processes(stage, shared):
    alone, eight = (device(TrainingSettings(zero_stage=stage, precision="bf16"), count) for count in (1, 8))
    assert {name for name in alone if eight[name] == pytest.approx(alone[name] / 8)} == shared | {"gradients in fp32"}


def test_offload_moves_to_the_host_what_it_says():
    training = TrainingSettings(zero_stage=3, offload=True, precision="bf16")
    memory = estimate(SIZE, SEQUENCE, training, Processes(8, "cuda"))
    assert set(memory["host"]) == {"optimizer state", "gradients in fp32", "weights"}
    assert "optimizer state" not in memory["device"]
    assert total(memory, "host") == pytest.approx(18 * 7 * 10**9 / 8)


def test_checkpointing_packed_sequences_adapters_and_precision_lower_what_they_should():
    plain = TrainingSettings(precision="fp32")
    base = device(plain)
    assert device(replace(plain, gradient_checkpointing=True))["activations"] < base["activations"] / 10
    half = replace(SEQUENCE, tokens=1024)
    assert device(plain, sequence=half)["activations"] == pytest.approx(base["activations"] / 2)
    adapter = replace(SIZE, trained=40 * 10**6, frozen=7 * 10**9)
    assert device(plain, size=adapter)["optimizer state"] == 8 * 40 * 10**6
    four_bits = replace(adapter, quantised=6_700_000_000)
    assert device(plain, size=four_bits)["weights"] < 0.25 * device(plain, size=adapter)["weights"]


def test_the_buffers_are_those_that_deepspeed_is_told_to_make():
    told = deepspeed_config(TrainingSettings(zero_stage=3, precision="bf16"), Processes(2, "cuda"))["zero_optimization"]
    small = replace(SIZE, trained=10**6, frozen=10**6)
    for stage, buffers in ((1, 1), (2, 2), (3, 1)):
        training = TrainingSettings(zero_stage=stage, precision="bf16")
        memory = estimate(small, SEQUENCE, training, Processes(2, "cuda"))["device"]
        gathered = 2 * 2 * 10**6 if stage == 3 else 0
        assert memory["communication"] == 2 * buffers * told["reduce_bucket_size"] + gathered
        # a CPU's memory holds only what was written
        on_cpu = estimate(small, SEQUENCE, training, Processes(2, "cpu"))["device"]
        assert on_cpu["communication"] == 2 * 10**6 + gathered
    large = device(TrainingSettings(zero_stage=3, precision="bf16"), 8)
    assert large["communication"] == 2 * (told["reduce_bucket_size"] + told["stage3_max_live_parameters"])


def test_the_alignment_of_the_macaw_bridge_counts():
    config = SimpleNamespace(
        vocabulary_size=32000, embedding_size=4096, bridge_settings=lambda modality: design("macaw", alignment_heads=16)
    )
    macaw_bridge = partial(MacawBridge.extra_memory, config, "image")
    aligned = device(TrainingSettings(precision="bf16"), size=replace(SIZE, bridges={"image": macaw_bridge}))
    assert aligned["bridges"] > 100 * 16 * 32000 * 4
    assert "bridges" not in device(TrainingSettings(precision="bf16"))
    without_audio = replace(SIZE, bridges={"audio": macaw_bridge})
    assert "bridges" not in device(TrainingSettings(precision="bf16"), size=without_audio), "no audio in the pack"


def test_an_injection_counts_beside_the_layers_and_less_where_they_are_recomputed():
    settings = GatedCrossAttentionSettings(name="gated-cross-attention")
    text = SimpleNamespace(hidden_size=4096, num_hidden_layers=32)
    config = SimpleNamespace(text_config=text, embedding_size=4096, injection_settings=settings)
    size = replace(SIZE, injection=partial(GatedCrossAttention.extra_memory, config))
    plain = TrainingSettings(precision="bf16")
    kept = device(plain, size=size)["injection"]
    assert kept > 8 * 2048 * (6 + 2 * 4) * 4096 * 2  # eight blocks, their norms, branches and feed-forward parts
    assert 8 * 2048 * 4096 * 2 < device(replace(plain, gradient_checkpointing=True), size=size)["injection"] < kept / 4
    assert "injection" not in device(plain)


class _Stage:
    """What `judge` reads of a stage."""

    def __init__(self, training, processes):
        self.size, self.sequence = SIZE, SEQUENCE
        self.memory = estimate(SIZE, SEQUENCE, training, processes)


def test_the_verdict_names_the_first_change_that_is_enough():
    training, eight = TrainingSettings(precision="bf16"), Processes(8, "cuda")
    machine = MachineMemory(gpu=80 * GIB, gpus=8, host=2000 * GIB)
    verdict = judge(_Stage(training, eight), training, eight, machine)
    assert verdict.fits is False
    assert "It fits with --set training.gradient_checkpointing=true --set training.zero_stage=2" in verdict.text
    small = judge(_Stage(training, eight), training, eight, MachineMemory(8 * GIB, 8, 16 * GIB))
    assert "adapter=qlora" in small.text
    fitting = replace(training, zero_stage=3, gradient_checkpointing=True)
    assert judge(_Stage(fitting, eight), fitting, eight, machine).fits is True


def test_real_steps_take_about_the_memory_that_was_estimated(world, workspace, tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    from macaw_cli.planning import measured_steps
    from macaw_cli.planning.training_plan import make_plan
    from macaw_cli.training.schedule.stages import plan_stages
    from macaw_cli.training.training_inputs import prepare
    from macaw_cli.training.tuning.model_setup import model_without_weights

    config = LlamaConfig(
        vocab_size=8000, hidden_size=512, intermediate_size=1400, num_hidden_layers=4, num_attention_heads=8,
        max_position_embeddings=1024, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "llm")
    AutoTokenizer.from_pretrained(world / "llm").save_pretrained(tmp_path / "llm")
    space = workspace(max_steps=4, global_batch_size=1, sequence_length=256)
    space = replace(space, settings=replace(space.settings, llm=str(tmp_path / "llm")))
    inputs, one = prepare(space), Processes(1, "cpu")
    stages = plan_stages(inputs, space.settings)
    plan = make_plan(inputs, model_without_weights(inputs.config, space.settings.training), stages, one)
    monkeypatch.setattr(measured_steps, "LIMIT_S", 240.0)  # beside other work a step takes long
    (measured,) = measure(space, inputs, stages, one)
    if measured.peak_bytes is None:
        pytest.skip("this system does not tell the peak of memory")
    estimated = total(plan.fullest.memory, "device")
    assert estimated / 1.5 < measured.peak_bytes < 1.5 * estimated
    assert torch.is_grad_enabled()
