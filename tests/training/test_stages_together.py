"""A recipe of two stages with a LoRA adapter in several processes: the losses of one, under every ZeRO stage."""

import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from macaw_cli.training.run import train

STAGES = [
    {"name": "align", "train": ["bridge", "begin_end_tokens"], "max_steps": 4},
    {"name": "tune", "train": ["bridge", "llm"], "max_steps": 4, "learning_rate": 1e-3},
]


def losses(space):
    rows = [json.loads(line) for line in (space.root / "runs" / "linear-1" / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.mark.slow
@pytest.mark.parametrize("zero_stage", [0, 1, 2, 3])
def test_two_processes_go_through_the_stages_with_the_losses_of_one(workspace, zero_stage):
    settings = {
        "stages": STAGES, "adapter": {"kind": "lora", "rank": 4}, "zero_stage": zero_stage, "sequence_length": 230,
        "global_batch_size": 2, "max_steps": None,
    }  # fmt: skip
    alone, together = workspace("alone", **settings), workspace("together", **settings)
    train(alone)
    command = [sys.executable, "-m", "macaw_cli", "train", "--cpu-processes", "2"]
    environment = os.environ | {"MACAW_COLLECTIVE_TIMEOUT_S": "60", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=together.root, env=environment, capture_output=True, text=True, timeout=240)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    assert len(losses(together)) == 8
    assert losses(together) == pytest.approx(losses(alone), abs=1e-4)
    files = [space.root / "runs" / "linear-1" / "model" / "model.safetensors" for space in (alone, together)]
    one, other = map(load_file, files)
    assert one.keys() == other.keys()
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4
