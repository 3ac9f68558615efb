"""Training in 16 bits: at every ZeRO stage gradients and losses are those of fp32, but for rounding."""

import math

import pytest
from tiny_world import NEEDS_FP16

from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.processes import Processes
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.steps.deepspeed_config import deepspeed_config
from macaw_cli.training.steps.deepspeed_setup import partitioned_loading, process_group
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.step import train_step
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import DTYPES, new_model

SLOW = pytest.mark.slow
STEPS = 4
ALONE = Processes(1, "cpu")


def trained(space, scale=None):
    """Results of the first steps, without the command, which refuses fp16 on a CPU; and how many were skipped."""
    inputs, settings = prepare(space), space.settings.training
    steps = plan_stages(inputs, space.settings)[0].steps
    results, skipped = [], 0
    with process_group(ALONE):
        with partitioned_loading(deepspeed_config(settings, ALONE)):
            model = new_model(space, inputs.config, inputs.dataset)
            engine = TrainingEngine(model, settings, ALONE)
        if scale is not None:
            optimizer = engine._engine.optimizer
            (getattr(optimizer, "loss_scaler", None) or optimizer.loss_scale_config).cur_scale = scale
        reader = SequenceReader(
            inputs.dataset, inputs.rows, inputs.tokens, DTYPES[settings.precision], engine.device
        )
        while len(results) < STEPS and skipped < 40:
            planned = steps[len(results)]
            result = train_step(
                engine, planned, map(reader.read, planned.sequences), dict.fromkeys(settings.train, 1e-3),
                seed=0, step=len(results), stop=StopRequest(), clock=StepClock(engine.device),
            )  # fmt: skip
            if result.update.applied:
                results.append(result)
            else:  # the search for the loss scale: the same step once more
                assert result.losses_are_numbers
                skipped += 1
                if scale is not None and skipped == 3:
                    break
        lowers_scale = result.update.lowers_scale
        engine.close()
    return results, skipped, lowers_scale


@pytest.fixture(scope="module")
def in_full(world, tmp_path_factory):
    """The steps in fp32."""
    from tiny_world import make_workspace

    return trained(make_workspace(world, tmp_path_factory.mktemp("full"), max_steps=STEPS))[0]


FP16, BF16 = pytest.param("fp16", 2e-4, marks=NEEDS_FP16), ("bf16", 2e-3)


@pytest.mark.parametrize("stage", [0, pytest.param(1, marks=SLOW), 2, pytest.param(3, marks=SLOW)])
@pytest.mark.parametrize(("precision", "rounding"), [FP16, BF16])
def test_gradients_and_losses_are_those_of_fp32(workspace, in_full, precision, stage, rounding):
    results, _, _ = trained(workspace(max_steps=STEPS, precision=precision, zero_stage=stage))
    assert len(results) == STEPS
    assert results[0].update.gradient_norms == pytest.approx(in_full[0].update.gradient_norms, rel=10 * rounding)
    assert [result.loss for result in results] == pytest.approx([result.loss for result in in_full], rel=rounding)
    assert in_full[-1].loss < in_full[0].loss - 0.1  # so it would show if nothing were learnt


@NEEDS_FP16
@pytest.mark.parametrize("stage", [0, 2])
def test_a_scale_that_cannot_become_lower_skips_the_step_as_any_bad_gradient_does(workspace, stage, monkeypatch):
    """DeepSpeed would end the run with a bare Exception; so the step counts, and `skipping.py` ends it in words."""
    backward = TrainingEngine.backward
    monkeypatch.setattr(TrainingEngine, "backward", lambda self, loss: backward(self, loss * math.inf))
    space = workspace(max_steps=STEPS, precision="fp16", zero_stage=stage)
    _, skipped, lowers_scale = trained(space, scale=1.0)
    assert (skipped, lowers_scale) == (3, False)
