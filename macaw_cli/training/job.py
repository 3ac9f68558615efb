"""What one training is told to do, as a value that travels from `macaw train` to every rank."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.redaction import redacted_tree
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, made_of
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.run_files import FINISHED, SUMMARY
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import RunFolder

SUMMARY_VERSION = 1


@dataclass(frozen=True)
class TrainingJob:
    """Everything that is decided before the processes start."""

    workspace: Workspace
    run: RunFolder
    continues: bool
    """Whether the run was there before and goes on."""
    processes: Processes
    command: tuple[str, ...] = ()
    """What the user typed; empty where nothing was."""


@dataclass(frozen=True)
class TrainingReport:
    """What a training came to; `summary.json` holds the same."""

    run: str
    steps: int
    loss: float | None
    """Mean training loss since the last logged row; None when there was nothing left to train."""
    validation: dict[str, Any] | None
    """Last validation: `loss`, and the figures of `macaw evaluate` under `reliance`."""
    seconds: float
    """Wall time of this process group; earlier parts of a resumed run are not counted."""
    skipped: int
    """Conversations without a response token."""
    skipped_steps: int = 0
    """Steps that changed nothing, because their loss or gradients were NaN or infinite."""
    swapped: int = 0
    """Examples that were trained with another example's media, see `training.swap_negatives`."""
    verdict: dict[str, Any] = field(default_factory=dict)
    """Whether the model uses its media, per modality, from the last validation; summaries of older runs have none."""


def job_as_json(job: TrainingJob) -> dict[str, Any]:
    """The job as `job_from_json` takes it in another process."""
    content = {
        "root": str(job.workspace.root),
        "settings": asdict(job.workspace.settings),
        "run": str(job.run.path),
        "continues": job.continues,
        "processes": asdict(job.processes),
        "command": list(job.command),
    }
    told: dict[str, Any] = redacted_tree(content)
    return told


def job_from_json(content: dict[str, Any], source: str) -> TrainingJob:
    """The inverse of `job_as_json`.

    Args:
        content: what that returned.
        source: where it was read, for messages.
    """
    return TrainingJob(
        workspace=Workspace(Path(content["root"]), parse_settings(content["settings"], source)),
        run=RunFolder(Path(content["run"])),
        continues=content["continues"],
        processes=Processes(**content["processes"]),
        command=tuple(content["command"]),
    )


def read_summary(run: RunFolder) -> TrainingReport:
    """What a finished run's summary.json says.

    Raises:
        MismatchError: a newer macaw wrote it.
    """
    content = read_object(run.summary_file, OBJECT)
    require_version(content.get("version"), SUMMARY_VERSION, run.summary_file)
    for kind in (FINISHED, SUMMARY):
        kind.checked(content, str(run.summary_file))
    return made_of(TrainingReport, {"loss": None, "validation": None, **content})


def write_summary(run: RunFolder, report: TrainingReport) -> None:
    """Mark the run as finished."""
    write_json(run.summary_file, {"version": SUMMARY_VERSION, **asdict(report)})
