"""One design with one seed: the run that `macaw train` makes and `macaw evaluate` asks, each in a process of its own.

Killed at any time nothing is lost: the run continues from its last checkpoint when the comparison is typed again.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.child import answer_with_signals
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import DamagedError, Interrupted, LockedError, MismatchError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shell_words import near, to_type
from macaw_cli.basics.typed_rows import COUNT, OBJECT, TEXT, Fields
from macaw_cli.comparison.candidates import Candidate
from macaw_cli.comparison.request import Request
from macaw_cli.config.loading import Workspace
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.evaluation.figures.answers import asked_of
from macaw_cli.shards.dataset_lock import read_lock
from macaw_cli.training.checkpoints.resume_checks import require_same_settings
from macaw_cli.training.processes import choose_processes, on_processes
from macaw_cli.training.run_folder import RunFolder, read_identity

CONTINUES = "The same command continues."
_ERROR = Fields({"error": Fields({"kind": TEXT, "message": TEXT}, {"hint": TEXT, "exit_code": COUNT})})
_SIGNALLED = 128
_STOPS = (_SIGNALLED + signal.SIGINT, _SIGNALLED + signal.SIGTERM, _SIGNALLED + signal.SIGHUP)


@dataclass(frozen=True, eq=False)
class Trial:
    """One design with one seed.

    Attributes:
        candidate: the design.
        seed: of the run.
        run: its folder, which need not exist yet.
    """

    candidate: Candidate
    seed: int
    run: RunFolder


def require_same_training(request: Request, trials: Sequence[Trial]) -> None:
    """Refuse runs of these names that were made otherwise: they would be compared as if they were the same.

    Raises:
        MismatchError: a run has other settings, or was trained on another dataset.
    """
    hint = "Compare under another name with --name, or remove that run."
    for trial in trials:
        if not trial.run.is_run:
            continue
        workspace = request.workspace(trial.candidate.design, trial.seed, trial.candidate.settings)
        processes = choose_processes(workspace.settings.training, request.gpus, request.cpu_processes)
        try:
            require_same_settings(trial.run, on_processes(workspace, processes).settings)
        except MismatchError as error:
            raise MismatchError(error.problem, hint) from None
        identity = read_identity(trial.run) or {}
        if identity.get("dataset", trial.candidate.dataset) != trial.candidate.dataset:
            raise MismatchError(f"{trial.run.path} was trained on another dataset than the one there is now.", hint)


def require_same_questions(request: Request, trials: Sequence[Trial], workspace: Workspace) -> None:
    """Refuse runs that were asked other questions than this comparison asks: their answers would be replaced.

    Raises:
        MismatchError: a run has answers to other questions.
    """
    wanted = _asked_here(workspace) if any(trial.run.is_finished for trial in trials) else {}
    for trial in trials:
        asked = _asked_before(trial) if trial.run.is_finished else None
        if asked is None or asked == wanted:
            continue
        names = [name for name in wanted if asked.get(name) != wanted[name]]
        told = " and ".join(
            "of another dataset" if name == "dataset" else f"with evaluation.{name}={_as_set(asked.get(name))}"
            for name in names
        )
        words = request.words(None, None, {"evaluation.data": data_of(workspace)})
        again = to_type("macaw", "evaluate", near(trial.run.path), *words)
        raise MismatchError(
            f"{near(trial.run.path)} was asked {told}, and this comparison would replace those answers.",
            f"Compare under another name with --name, or ask it anew yourself: {again}",
        )


def train_and_ask(request: Request, trial: Trial, workspace: Workspace) -> str:
    """Train and evaluate, as far as that is not done yet.

    Returns:
        Why it failed; empty where it did not.

    Raises:
        Interrupted: a signal arrived; what is done so far is saved.
        LockedError: another command is training the same run.
    """
    if not trial.run.is_finished and (failure := _train(request, trial)):
        return failure
    return "" if _is_asked(trial, workspace) else _evaluate(request, trial, workspace)


def data_of(workspace: Workspace) -> str:
    """The dataset whose held-out questions are asked: the evaluation's, else the first that is trained on."""
    settings = workspace.settings
    trained = settings.training.datasets or (settings.dataset.out,)
    return settings.evaluation.data or split_weight(trained[0])[0]


def asked_by_command(command: str, words: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What a macaw command answered under `--json`, and why it failed; the reason is empty where it did not.

    Raises:
        Interrupted: it ended by SIGINT, SIGTERM or SIGHUP.
        LockedError: another command is writing in its folder.
    """
    code, text = answer_with_signals("macaw_cli", command, *words, "--json")
    if code in _STOPS:
        raise Interrupted(f"Stopped in `macaw {command}`.", CONTINUES, code)
    answer = parse_json(text.encode()) if text.strip() else {}
    if code == 0:
        content: dict[str, Any] = OBJECT.checked(answer, f"the answer of macaw {command}")
        return content, ""
    if not _ERROR.holds(answer):
        killed = " (usually because memory ran out)" if code == _SIGNALLED + signal.SIGKILL else ""
        return {}, f"`macaw {command}` ended with exit code {code}{killed}."
    error = answer["error"]
    if error["kind"] == LockedError.__name__:
        raise LockedError(error["message"], error.get("hint") or "")
    return {}, f"{error['message']} {error.get('hint') or ''}".strip()


def _train(request: Request, trial: Trial) -> str:
    settings = {**trial.candidate.settings, "training.name": trial.run.path.name}
    words = request.words(trial.candidate.design, trial.seed, settings)
    words += [*request.process_words, *(["--resume"] if trial.run.is_run else [])]
    say("")
    say(f"$ {to_type('macaw', 'train', *words)}")
    return asked_by_command("train", words)[1]


def _is_asked(trial: Trial, workspace: Workspace) -> bool:
    """Whether the run was evaluated with the same questions."""
    return _asked_before(trial) == _asked_here(workspace)


def _asked_before(trial: Trial) -> dict[str, Any] | None:
    try:
        return asked_of(trial.run.path)
    except DamagedError:
        return None


def _asked_here(workspace: Workspace) -> dict[str, Any]:
    settings = workspace.settings.evaluation
    data = read_lock(workspace.path(data_of(workspace)))["hash"]
    return {"dataset": data, "limit": settings.limit, "generate": settings.generate}


def _as_set(value: Any) -> str:
    return "null" if value is None else str(value)


def _evaluate(request: Request, trial: Trial, workspace: Workspace) -> str:
    words = request.words(None, None, {"evaluation.data": data_of(workspace)})
    say("")
    say(f"$ {to_type('macaw', 'evaluate', near(trial.run.path), *words)}")
    return asked_by_command("evaluate", [str(trial.run.path), *words])[1]
