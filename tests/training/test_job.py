"""A job reads back in another process as it was written, with nothing left out."""

import json
from dataclasses import fields

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.training.checkpoints.resume_checks import require_convertible
from macaw_cli.training.job import TrainingJob, job_as_json, job_from_json, read_summary
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import RunFolder


def job_of(space):
    processes = Processes(3, "cuda", elsewhere=1)
    run = RunFolder(space.root / "runs" / "one")
    return TrainingJob(space, run, True, processes, ("macaw", "train", "--gpus", "2"))


def sent(job):
    return job_from_json(json.loads(json.dumps(job_as_json(job))), "test")


def test_every_field_reads_back(workspace):
    job = job_of(workspace(stages=[{"name": "first", "train": ["bridge"]}], datasets=["a:2"]))
    assert sent(job) == job
    for value in (job, job.processes):  # a field of a new name with its default would read back without being written
        for field in fields(value):
            assert getattr(value, field.name) != field.default, f"{field.name} needs a value in this test"


def test_a_rank_on_several_machines_refuses_another_number_of_processes_under_zero_3(workspace):
    job = sent(job_of(workspace()))
    with pytest.raises(MismatchError, match="several machines"):
        require_convertible(job.run, 3, 2, job.processes)


def test_an_older_summary_is_still_read(tmp_path):
    content = {"version": 1, "run": "r", "steps": 1, "loss": 1.0, "validation": None, "seconds": 1.0, "skipped": 0}
    (tmp_path / "summary.json").write_text(json.dumps(content))
    assert read_summary(RunFolder(tmp_path)).verdict == {}
