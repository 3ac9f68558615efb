"""The gradient norms that are logged, at every ZeRO stage, are those of the plain computation."""

import json
import math

import pytest
import torch

from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model


@pytest.fixture(scope="module")
def plain(world, tmp_path_factory):
    """Norm per group of the first step's gradient: one backward pass over each conversation, nothing else."""
    from tiny_world import make_workspace

    space = make_workspace(world, tmp_path_factory.mktemp("plain"), max_steps=1)
    inputs = prepare(space)
    step = plan_stages(inputs, space.settings)[0].steps[0]
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer)
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    for example in (example for sequence in step.sequences for example in sequence):
        fed = reader.read((example,)).inputs(torch.device("cpu"))
        model(**fed, num_supervised=step.supervised_tokens).loss.backward()
    groups = {name: list(parameters.values()) for name, parameters in model.trainable_groups().items() if parameters}
    return {
        name: math.sqrt(sum(float(one.grad.double().square().sum()) for one in parameters if one.grad is not None))
        for name, parameters in groups.items()
    }


SLOW = pytest.mark.slow
WAYS = [
    (0, False), (1, False), (2, False), (3, False), (2, True), pytest.param(3, True, marks=SLOW),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "offload"), WAYS)
def test_norms_per_group_are_those_of_the_plain_computation(workspace, plain, stage, offload):
    space = workspace(max_steps=1, zero_stage=stage, offload=offload, max_gradient_norm=0.1)
    train(space)
    row = json.loads((space.root / "runs" / "linear-1" / "metrics.jsonl").read_text().splitlines()[0])
    assert row["gradient_norms"] == pytest.approx(plain, rel=1e-4)
    assert row["gradient_norm"] == pytest.approx(math.hypot(*plain.values()), rel=1e-4)
    assert row["gradient_norm"] > 0.1  # before clipping


@pytest.mark.parametrize("stage", [0, 1, 2, pytest.param(3, marks=SLOW)])
def test_in_sixteen_bits_norms_are_the_same_but_for_rounding(workspace, plain, stage):
    space = workspace(max_steps=1, precision="bf16", zero_stage=stage)
    train(space)
    row = json.loads((space.root / "runs" / "linear-1" / "metrics.jsonl").read_text().splitlines()[0])
    assert row["gradient_norms"] == pytest.approx(plain, rel=0.02)
