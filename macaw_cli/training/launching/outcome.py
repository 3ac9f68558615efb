"""What several processes came to, told through small files in the launch folder.

Files rather than exit codes: a rank that was interrupted and has saved has done nothing wrong, and torch's launcher
would report it as a failure.
"""

import contextlib
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json, write_json
from macaw_cli.basics.errors import Interrupted, MacawError, ResourceError
from macaw_cli.training.job import TrainingJob, TrainingReport
from macaw_cli.training.launching.lost_peers import NETWORK_ADVICE, continues, silent_peer
from macaw_cli.training.steps.stop_signals import exit_code


@dataclass(frozen=True)
class Death:
    """How a process ended."""

    text: str
    follows: bool
    """Whether it looks like the consequence of another death."""


def leave_report(folder: Path, report: TrainingReport) -> None:
    """Keep what the training came to; the main process calls it."""
    _leave(folder / "report.json", asdict(report))


def leave_error(folder: Path, rank: int, error: MacawError) -> None:
    """Keep an error that the user can mend."""
    content = {"problem": error.problem, "hint": error.hint, "exit_code": error.exit_code}
    _leave(folder / f"error-{rank}.json", content)


def leave_silence(folder: Path, rank: int, detail: str) -> None:
    """Keep that a rank waited for another one until the time was over."""
    _leave(folder / f"silence-{rank}.json", {"rank": rank, "detail": detail})


def leave_stop(folder: Path, number: int) -> None:
    """Keep that signal `number` was to stop the training."""
    _leave(folder / "stop.json", {"signal": number})


def _leave(file: Path, content: dict[str, Any]) -> None:
    """The folder goes with the command that started the training: then nobody is left to read it."""
    with contextlib.suppress(FileNotFoundError):
        if file.parent.is_dir():
            write_json(file, content)


def report_of(folder: Path, job: TrainingJob, death: Death | None) -> TrainingReport:
    """What the training came to.

    Raises:
        MacawError: what a rank raised, with its exit code.
        ResourceError: a process died.
        Interrupted: a signal came before the training began.
    """
    _raise_what_a_rank_raised(folder, job, death)
    silence = _silence(folder, job)  # the one they waited for was killed after that, by the launcher
    if silence or (death and not death.follows):
        raise silence or _died(job, death.text if death else "")
    if death is None and (folder / "report.json").exists():
        return TrainingReport(**read_json(folder / "report.json"))
    if (folder / "stop.json").exists():
        stop = signal.Signals(read_json(folder / "stop.json")["signal"])
        raise Interrupted(f"Stopped by {stop.name} before the training began.", "", exit_code(stop))
    raise _died(job, death.text if death else "The processes ended without a report.")


def _raise_what_a_rank_raised(folder: Path, job: TrainingJob, death: Death | None) -> None:
    for file in sorted(folder.glob("error-*.json")):
        content: dict[str, Any] = read_json(file)
        if death and not death.follows and content["exit_code"] > 128:  # told to stop because another one died
            raise _died(job, f"{death.text} {content['problem']}")
        error = MacawError(content["problem"], content["hint"])
        error.exit_code = content["exit_code"]
        raise error


def _died(job: TrainingJob, text: str) -> ResourceError:
    advice = continues(job.run.checkpoints)
    if "signal 9" in text:
        advice += (
            " Signal 9 usually means that memory ran out: lower training.sequence_length or raise training.zero_stage."
        )
    if "signal 6" in text and job.processes.device == "cuda":
        advice += f" NCCL ends a process with signal 6 when another one does not answer in time. {NETWORK_ADVICE}"
    return ResourceError(text, advice)


def _silence(folder: Path, job: TrainingJob) -> ResourceError | None:
    """Some waited for another one until the time was over; one that dies is noticed at once."""
    waited = [read_json(file) for file in sorted(folder.glob("silence-*.json"))]
    if not waited:
        return None
    ranks = ", ".join(str(one["rank"]) for one in waited)
    return silent_peer(ranks, job.processes.count, waited[0]["detail"], job.run.checkpoints)
