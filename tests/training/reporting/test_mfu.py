"""How much a GPU is used: known chips, and operations counted by hand."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.injections.sight import Sight
from macaw_cli.training.data import soft_tokens
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.reporting.mfu import WorkCounter, peak_flops, peak_of, work_counter
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import freeze


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
        ("NVIDIA B300 SXM6 AC", 2250.0),
        ("NVIDIA GB300", 2500.0),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 503.8),
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


@pytest.mark.parametrize("llm_trained", [True, False])
def test_the_attention_to_the_embedding_matrix_is_counted_per_pack(workspace, llm_trained):
    space = workspace(bridge="macaw", train=("bridge", "llm") if llm_trained else ("bridge",))
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset)
    freeze(model, space.settings.training.train)
    lengths = inputs.tokens.lengths.tolist()
    sequence = tuple(range(len(lengths)))
    step = PlannedStep((sequence,), tokens=sum(lengths), supervised_tokens=1)
    without = work_counter(model, lengths, 1)(step).flops
    with_media = work_counter(model, lengths, 1, inputs.rows)(step).flops
    rows, width = model.embedding_matrix.shape
    expected = 0.0
    for name, bridge in model.fusion.bridges.items():
        ids = torch.cat([torch.from_numpy(inputs.tokens.conversation(one)[0]) for one in sequence])
        queries, heads = int((ids == inputs.config.soft_token_ids[name]).sum()), bridge.alignment.heads
        folded = 2 * (queries * width * width * 2 + heads * queries * rows * width * 2)
        shared = 2 * (rows * width * width * 2 + queries * rows * width * 2)
        expected += min(folded, shared) + 4 * queries * width * width
    assert with_media - without == pytest.approx((3 if llm_trained else 2) * expected, rel=1e-6)


def test_soft_tokens_are_counted_once_per_shape(workspace, monkeypatch):
    space = workspace(bridge="macaw")
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset)
    shapes = []

    def counted(config, modality, shape):
        shapes.append((modality, shape))
        return soft_token_count(config, modality, shape)

    monkeypatch.setattr(soft_tokens, "soft_token_count", counted)
    work_counter(model, inputs.tokens.lengths.tolist(), 1, inputs.rows)
    assert len(shapes) == len(set(shapes)) == 3 < len(inputs.rows)


@pytest.mark.parametrize(("trained", "passes"), [(("bridge", "injection"), 3), (("bridge",), 2)])
def test_an_injection_is_counted_as_torch_counts_it(workspace, trained, passes):
    """Of one example with one medium, whose soft tokens every position is taken to see."""
    gated = {"name": "gated-cross-attention", "every": 1, "heads": 2, "head_dim": 8}
    space = workspace(bridge="linear", injection=gated)
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset)
    freeze(model, trained)
    lengths = inputs.tokens.lengths.tolist()
    number = next(at for at, row in enumerate(inputs.rows) if len(row.media) == 1)
    length, (ref,) = lengths[number], inputs.rows[number].media
    step = PlannedStep(((number,),), tokens=length, supervised_tokens=1)
    apart = [work_counter(model, lengths, 1, rows)(step).flops for rows in ((), inputs.rows)]
    soft = torch.randn(soft_token_count(inputs.config, ref.modality, ref.shape), inputs.config.embedding_size)
    sight = Sight(torch.ones(1, length, len(soft), dtype=torch.bool))
    with FlopCounterMode(display=False) as counted, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for block in model.injection.blocks:
            block(torch.randn(1, length, 32), soft, sight)
    assert apart[1] - apart[0] == pytest.approx(passes * counted.get_total_flops(), rel=1e-6)


def test_a_bridge_that_does_not_attend_adds_nothing(workspace):
    space = workspace(bridge="linear")
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset)
    assert work_counter(model, inputs.tokens.lengths.tolist(), 1, inputs.rows).bridges == []


class Wrapped:
    """What `work_counter` reads of a Macaw model."""

    def __init__(self, llm):
        self.language_model = llm
        self.config = type("Config", (), {"text_config": llm.config})
        self.injection = None

    def get_input_embeddings(self):
        return self.language_model.get_input_embeddings()
