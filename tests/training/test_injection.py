"""A training with an injection: with LoRA, continued exactly, and refused where nothing would train it."""

import json

import pytest
import torch
from interrupted_run import whole_and_interrupted
from safetensors.torch import load_file

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.folder import load_model
from macaw_cli.training.run import train

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
GATED = {"name": "gated-cross-attention", "every": 1, "heads": 2, "head_dim": 8}
LORA = {"kind": "lora", "rank": 4, "alpha": 8.0}
PLORA = {"name": "plora", "rank": 4, "dropout": 0.0}


@pytest.mark.parametrize("zero_stage", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_with_lora_that_stops_in_between_ends_with_the_same_bytes(workspace, monkeypatch, zero_stage):
    settings = {"max_steps": 4, "injection": GATED, "adapter": LORA, "zero_stage": zero_stage, "learning_rate": 1e-2}
    ours, theirs, stopped = whole_and_interrupted(workspace, monkeypatch, **settings)
    for file in max((theirs / "checkpoints").glob("step-*")).glob("*.pt"):
        file.unlink()
    train(stopped, resume=True)
    weights = (ours / "model" / "model.safetensors").read_bytes()
    assert (theirs / "model" / "model.safetensors").read_bytes() == weights
    gates = [value for name, value in load_file(ours / "model" / "model.safetensors").items() if ".gates." in name]
    assert len(gates) == 4 and all(gate.abs() > 0 for gate in gates), "the gates were not trained"
    model, _ = load_model(ours)
    with torch.no_grad():
        assert model(input_ids=torch.arange(3, 40)[None]).logits.isfinite().all()
    rows = [json.loads(line) for line in (ours / "metrics.jsonl").read_text().splitlines()]
    assert "injection" in rows[0]["gradient_norms"]


@pytest.mark.parametrize(("zero_stage", "injection"), [(0, GATED), (3, GATED), (3, PLORA)])
def test_recomputation_changes_no_loss(workspace, zero_stage, injection):
    """What the injection computes is computed again as the LLM's layers are."""
    losses = []
    for again in (False, True):
        space = workspace(f"again-{again}", max_steps=3, injection=injection, zero_stage=zero_stage, learning_rate=1e-2,
                          gradient_checkpointing=again)  # fmt: skip
        train(space)
        rows = (space.root / "runs" / "linear-1" / "metrics.jsonl").read_text().splitlines()
        losses.append([row["loss"] for row in map(json.loads, rows) if "loss" in row])
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_injection_that_no_stage_trains_is_refused(workspace):
    with pytest.raises(UsageError, match=r"injection.*training\.train"):
        train(workspace(injection=GATED, train=["bridge", "llm"]))


def test_the_published_model_has_no_injection(workspace):
    with pytest.raises(UsageError, match="injection"):
        train(workspace(injection=GATED, as_published=True))


def test_dora_which_would_rescale_what_plora_adds_is_refused(workspace):
    with pytest.raises(UsageError, match=r"dora.*plora"):
        train(workspace(injection=PLORA, adapter={"kind": "dora"}))
