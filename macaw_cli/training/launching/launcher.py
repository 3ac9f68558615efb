"""Several processes that train together: started, watched until the end, and asked what they came to."""

import tempfile
import uuid
from pathlib import Path

from macaw_cli.training.job import TrainingJob, TrainingReport, write_job
from macaw_cli.training.launching.outcome import report_of
from macaw_cli.training.launching.remote_nodes import run_on_hosts
from macaw_cli.training.launching.torch_launcher import Node, run_ranks


def launch(job: TrainingJob) -> TrainingReport:
    """Train in `job.processes.count` processes, on this machine or on the hosts of a hostfile.

    Raises:
        MacawError: what a rank raised, with its exit code.
        ResourceError: a process or a machine died, or could not be reached.
        Interrupted: SIGINT or SIGTERM before the training began.
    """
    if job.processes.hosts:
        # beside the checkpoints, because all machines see that place
        with tempfile.TemporaryDirectory(prefix=".launch-", dir=job.run.path) as folder:
            write_job(job, Path(folder) / "job.json")
            return report_of(Path(folder), job, run_on_hosts(job, Path(folder)))
    with tempfile.TemporaryDirectory(prefix="macaw-") as folder:
        write_job(job, Path(folder) / "job.json")
        death = run_ranks(Path(folder), Node(job.processes.count, job.processes.count, run_id=str(uuid.uuid4())))
        return report_of(Path(folder), job, [death] if death else [])
