"""A run goes on with another number of processes, and its losses are those of the run that kept its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from training_processes import wait_until

from macaw_cli.basics.errors import DamagedError, ResourceError
from macaw_cli.reports.run_record import numbers
from macaw_cli.training.checkpoints import universal
from macaw_cli.training.checkpoints.folder import checkpoints
from macaw_cli.training.run import train


def rows_of(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss" in row], [row["validation"] for row in rows if "validation" in row]


def forget_the_end(run):
    """Make a finished run one that was killed after its checkpoint before the last."""
    (run / "summary.json").unlink()
    shutil.rmtree(run / "model")
    shutil.rmtree(checkpoints(run / "checkpoints")[-1])


def continued_elsewhere(space, first, second):
    """Train with `first` processes, then once more from the middle with `second`; the rows of both."""
    train(space, cpu_processes=first)
    run = space.root / "runs" / "linear-1"
    expected = rows_of(run)
    forget_the_end(run)
    assert train(space, cpu_processes=second, resume=True).steps == 6
    assert not list((run / "checkpoints").glob("*.tmp"))  # the converted copy is gone
    return expected, rows_of(run)


def require_equal(before, after):
    """Batches, losses and norms; and the figures of validations, of which each process scores its share."""
    (expected, (validation,)), (found, (again,)) = before, after
    measured, expected_measured = (dict(numbers(one["modalities"], ".")) for one in (again, validation))
    assert measured == pytest.approx(expected_measured, abs=2e-4)  # likelihoods are rounded to four decimals
    assert again["loss"] == pytest.approx(validation["loss"], abs=1e-6)
    assert len(expected) == len(found) == 6
    for one, other in zip(expected, found, strict=True):
        assert other["batch_hash"] == one["batch_hash"]
        assert other["loss"] == pytest.approx(one["loss"], abs=1e-6)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_a_converted_checkpoint_holds_everything(workspace, stage):
    """At the same number of processes, which the checkpoint denies: so the losses must be the same to the bit."""
    groups = {"bridge": {"weight_decay": 0.1}, "llm": {"learning_rate": 1e-4, "weight_decay": 0.01}}
    space = workspace(max_steps=6, checkpoint_every=3, zero_stage=stage, groups=groups)
    train(space)
    run = space.root / "runs" / "linear-1"
    expected = rows_of(run)
    forget_the_end(run)
    (run / "checkpoints" / "universal.tmp").mkdir()  # a conversion that was killed
    pretend(run, world_size=2)
    train(space, resume=True)
    found = rows_of(run)
    assert [row["loss"] for row in found[0]] == [row["loss"] for row in expected[0]]
    assert found[1] == expected[1]
    assert not list((run / "checkpoints").glob("*.tmp"))


def pretend(run, **changes):
    """Change what the newest checkpoint says of itself."""
    file = checkpoints(run / "checkpoints")[-1] / "progress.json"
    content = json.loads(file.read_text())
    content["progress"] |= changes
    file.write_text(json.dumps(content))


def test_a_checkpoint_that_deepspeed_cannot_convert_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(universal, "CONVERTER", "json.no_such_tool")
    (tmp_path / "step-00000003").mkdir()
    path = tmp_path / "step-00000003"
    expected = r"step-00000003 cannot be converted for another number of processes: .*no_such_tool"
    with pytest.raises(DamagedError, match=expected) as told, universal.universal_checkpoint(path):
        pass
    assert "number of processes that wrote it" in told.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


def test_a_disk_without_room_for_the_conversion_is_told_before(tmp_path, monkeypatch):
    from macaw_cli.basics import disk

    (tmp_path / "step-00000003").mkdir()
    (tmp_path / "step-00000003" / "states.pt").write_bytes(b"1234")
    monkeypatch.setattr(disk, "free_space", lambda folder: 10)
    with pytest.raises(ResourceError, match="12 B"), universal.universal_checkpoint(tmp_path / "step-00000003"):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3])
@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_losses_are_the_same_after_a_change_of_processes(workspace, stage, first, second):
    space = workspace(max_steps=6, checkpoint_every=3, zero_stage=stage)
    require_equal(*continued_elsewhere(space, first, second))


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.parametrize(
    "trained", [{"train": ["bridge", "begin_end_tokens"]}, {"adapter": {"kind": "lora", "rank": 4}}]
)
def test_neither_a_frozen_llm_nor_an_adapter_is_an_obstacle(workspace, stage, trained):
    space = workspace(max_steps=6, checkpoint_every=3, zero_stage=stage, **trained)
    require_equal(*continued_elsewhere(space, 2, 1))


def test_the_converter_ends_with_the_process_that_started_it(tmp_path):
    (tmp_path / "sleeper.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    program = (
        "import subprocess\nfrom macaw_cli.basics import child\n"
        "subprocess.run(child.tied('sleeper'))\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}) as parent:
        converter = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not is_running(converter), "the converter is left behind", seconds=20)


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
