"""What one rank alone knows decides nothing: a signal at the border of two stages stops all ranks, at the same step."""

import json
import os
import signal

import pytest
import torch
from training_processes import start

from macaw_cli.training.checkpoints.folder import newest_progress
from macaw_cli.training.processes import Processes
from macaw_cli.training.steps.deepspeed_setup import process_group
from macaw_cli.training.steps.rank_agreement import of_first_rank, stop_is_agreed
from macaw_cli.training.steps.stop_signals import StopRequest

CPU = torch.device("cpu")
STAGES = [
    {"name": "one", "train": ["bridge"], "max_steps": 2},
    {"name": "two", "train": ["bridge", "llm"], "max_steps": 2},
]
SIGNAL_AT_THE_BORDER = """
import os
if os.environ.get("RANK") == "1":
    import signal
    from macaw_cli.training.checkpoints import saving

    save = saving.save_checkpoint

    def save_and_be_told_to_stop(folder, engine, progress, **named):
        save(folder, engine, progress, **named)
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    saving.save_checkpoint = save_and_be_told_to_stop
"""


def test_a_rank_alone_agrees_with_itself():
    stop = StopRequest()
    with process_group(Processes(1, "cpu")):
        assert not stop_is_agreed(stop, CPU)
        assert [of_first_rank(number, CPU) for number in (None, 0, 7)] == [None, 0, 7]
        stop.adopt(signal.SIGTERM)
        assert stop_is_agreed(stop, CPU)
    assert stop.received is signal.SIGTERM


@pytest.mark.slow
def test_a_signal_to_one_rank_between_two_stages_stops_both_and_resume_goes_on(workspace, tmp_path):
    space = workspace("space", stages=STAGES, max_steps=None, global_batch_size=2)
    (tmp_path / "sitecustomize.py").write_text(SIGNAL_AT_THE_BORDER)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    told = start(space, "--cpu-processes", "2", MACAW_COLLECTIVE_TIMEOUT_S="30", PYTHONPATH=path)
    _, errors = told.communicate(timeout=120)
    assert told.returncode == 143, errors
    assert "Stopped by SIGTERM after step 2 of 4; a checkpoint is saved." in errors
    run = space.root / "runs" / "linear-1"
    assert newest_progress(run / "checkpoints").step == 2
    resumed = start(space, "--cpu-processes", "2", "--resume")
    _, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert json.loads((run / "summary.json").read_text())["steps"] == 4
