"""A checkpoint that could run code is refused before any of it is unpickled; those of every training are not."""

import os
import shutil

import pytest
import torch
from tiny_world import NEEDS_FP16

from macaw_cli.basics.errors import MismatchError
from macaw_cli.training import processes
from macaw_cli.training.checkpoints.folder import checkpoints
from macaw_cli.training.checkpoints.loading import load_checkpoint
from macaw_cli.training.checkpoints.trust import require_trusted
from macaw_cli.training.run import train
from macaw_cli.training.steps.progress import Progress

SLOW = pytest.mark.slow
WAYS = [
    (0, "bf16"), pytest.param(2, "fp16", marks=NEEDS_FP16), (3, "fp32"),
    *(pytest.param(*way, marks=SLOW) for way in [(1, "bf16"), (2, "bf16")]),
    *(pytest.param(stage, "fp16", marks=[SLOW, NEEDS_FP16]) for stage in (0, 1, 3)),
]  # fmt: skip


class Harmful:
    """Unpickled, it would run a command."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "step-00000002"
    path.mkdir()
    torch.save({"module": {"weight": torch.ones(2)}}, path / "mp_rank_00_model_states.pt")
    return path


def load(checkpoint):
    load_checkpoint(checkpoint.parent, None, Progress(step=2))


def test_a_checkpoint_of_another_user_is_never_unpickled(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(MismatchError, match="belongs to another user"):
        load(checkpoint)


def test_what_would_run_code_is_never_unpickled_whoever_owns_it(checkpoint):
    mark = checkpoint / "mark"
    torch.save({"module": Harmful(mark)}, checkpoint / "mp_rank_00_model_states.pt")
    with pytest.raises(MismatchError, match=r"mp_rank_00_model_states.pt.*posix\.system"):
        load(checkpoint)
    assert not mark.exists()


def test_a_bare_pickle_of_old_torch_is_not_read(checkpoint):
    weights = checkpoint / "mp_rank_00_model_states.pt"
    torch.save({}, weights, _use_new_zipfile_serialization=False)
    with pytest.raises(MismatchError, match=r"torch\.save"):
        load(checkpoint)


@pytest.mark.parametrize("adapter", [{}, {"adapter": {"kind": "lora", "rank": 2}}])
@pytest.mark.parametrize(("stage", "precision"), WAYS)
def test_the_checkpoints_of_every_training_are_read(workspace, monkeypatch, stage, precision, adapter):
    monkeypatch.setattr(processes, "_require_possible", lambda *_: None)  # fp16 on a CPU
    space = workspace(max_steps=1, zero_stage=stage, precision=precision, **adapter)
    train(space)
    path = checkpoints(space.root / "runs" / "linear-1" / "checkpoints")[-1]
    copied = shutil.copytree(path, space.root / "copied")
    require_trusted(copied)
    assert list(copied.glob("*.pt"))
