"""How much a GPU is used: known chips, and operations counted by hand."""

import pytest
import torch

from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.reporting.mfu import WorkCounter, peak_flops, peak_of, work_counter


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 80GB HBM2e", 756.0),
        ("NVIDIA H800 PCIe", 756.0),
        ("NVIDIA H800", 989.4),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA A10", 125.0),
        ("NVIDIA H200", 989.4),
        ("NVIDIA GH200 480GB", 989.4),
        ("NVIDIA L4", 121.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("NVIDIA GeForce RTX 3090", 71.0),
        ("NVIDIA GeForce RTX 3090 Ti", 80.0),
        ("NVIDIA A100-PCIE-40GB", 312.0),
        ("NVIDIA RTX 6000 Ada Generation", 364.2),
    ],
)
def test_a_known_gpu_has_the_rate_of_its_data_sheet(name, tera):
    assert peak_flops(name) == tera * 1e12


@pytest.mark.parametrize(
    "name", ["NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "NVIDIA GeForce RTX 4090 D",
             "Tesla T4", "NVIDIA A1000", "GRID A100-10C", "NVIDIA A100-4-20C", "NVIDIA A40-48Q", "NVIDIA A30-1-6CME"],
)  # fmt: skip
def test_a_gpu_that_is_not_in_the_table_has_none(name):
    assert peak_flops(name) is None


def test_a_cpu_has_none():
    assert peak_of(torch.device("cpu")) is None


def test_padding_is_what_the_longest_rank_makes_the_others_wait():
    step = PlannedStep(((0,), (1,), (2,), ()), tokens=60, supervised_tokens=5)
    assert WorkCounter([10, 20, 30], world_size=2)(step).capacity == 2 * 40
    assert WorkCounter([10, 20, 30], world_size=1)(step).capacity == 60


def test_operations_of_a_step_are_those_counted_by_hand():
    step = PlannedStep(((0, 1), (2,)), tokens=9, supervised_tokens=4)
    work = WorkCounter([2, 3, 4], world_size=2, per_token=10.0, per_answer_token=100.0, per_pair=1000.0)(step)
    assert work.flops == 9 * 10 + 4 * 100 + (3 + 6 + 10) * 1000


def test_a_frozen_llm_costs_two_thirds_of_a_trained_one():
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 64}
    config = LlamaConfig(**sizes, num_hidden_layers=2, num_attention_heads=4)
    model = Wrapped(LlamaForCausalLM(config))
    matrices = 2 * (4 * 32 * 32 + 3 * 32 * 64)
    trained = work_counter(model, [], 1)
    assert (trained.per_token, trained.per_answer_token, trained.per_pair) == (6 * matrices, 6 * 32 * 50, 12 * 32 * 2)
    model.language_model.requires_grad_(False)
    frozen = work_counter(model, [], 1)
    assert (frozen.per_token, frozen.per_answer_token) == (4 * matrices, 4 * 32 * 50)


class Wrapped:
    """What `work_counter` reads of a Macaw model."""

    def __init__(self, llm):
        self.language_model = llm
        self.config = type("Config", (), {"text_config": llm.config})

    def get_input_embeddings(self):
        return self.language_model.get_input_embeddings()
