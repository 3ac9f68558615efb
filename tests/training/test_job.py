"""A job reads back in another process as it was written, with nothing left out."""

import json
from dataclasses import fields

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.training.checkpoints.continuing import require_convertible
from macaw_cli.training.job import TrainingJob, read_job, read_summary, write_job
from macaw_cli.training.launching.hosts import Host
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import RunFolder


def job_of(space):
    processes = Processes(3, "cuda", (Host("me@one", 2), Host("two", 1)))
    run = RunFolder(space.root / "runs" / "one")
    return TrainingJob(space, run, True, processes, ("macaw", "train", "--gpus", "2"))


def test_every_field_reads_back(workspace, tmp_path):
    job = job_of(workspace(stages=[{"name": "first", "train": ["bridge"]}], datasets=["a:2"]))
    write_job(job, tmp_path / "job.json")
    again = read_job(tmp_path / "job.json")
    assert again == job
    for value in (job, job.processes):  # a field of a new name with its default would read back without being written
        for field in fields(value):
            assert getattr(value, field.name) != field.default, f"{field.name} needs a value in this test"


def test_a_rank_on_several_machines_refuses_another_number_of_processes_under_zero_3(workspace, tmp_path):
    write_job(job_of(workspace()), tmp_path / "job.json")
    job = read_job(tmp_path / "job.json")
    with pytest.raises(MismatchError, match="several machines"):
        require_convertible(job.run, 3, 2, job.processes)


def test_an_older_summary_is_still_read(tmp_path):
    content = {"version": 1, "run": "r", "steps": 1, "loss": 1.0, "validation": None, "seconds": 1.0, "skipped": 0}
    (tmp_path / "summary.json").write_text(json.dumps(content))
    assert read_summary(RunFolder(tmp_path)).verdict == {}
