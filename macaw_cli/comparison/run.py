"""`macaw compare`: check all designs, train and evaluate each, put them side by side, write the page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.basics.owned_folders import require_own_page
from macaw_cli.comparison.budget import require_no_stages
from macaw_cli.comparison.candidates import Candidate, candidates_of, unnamed_bridges
from macaw_cli.comparison.existing import compare_existing
from macaw_cli.comparison.gathering import DesignRuns, side_by_side
from macaw_cli.comparison.presentation import show_comparison, show_prices
from macaw_cli.comparison.pricing import price_of, with_minutes
from macaw_cli.comparison.request import Request
from macaw_cli.comparison.trials import Trial, require_same_questions, require_same_training, train_and_ask
from macaw_cli.config.loading import Workspace
from macaw_cli.reports.design_comparison import DesignComparison
from macaw_cli.reports.design_page import require_kept_runs, write_design_page
from macaw_cli.reports.run_record import read_run
from macaw_cli.training.processes import choose_processes
from macaw_cli.training.run_folder import RunFolder


def compare(request: Request, page: Path, *, as_json: bool = False) -> None:
    """Train every design with every seed, as far as that is not done yet, and compare what came of it.

    Args:
        request: the command.
        page: where the page goes.
        as_json: print one JSON object instead of tables.

    Raises:
        UsageError: settings or options that cannot be.
        InputError: no usable dataset or LLM, or the page shows runs that this comparison does not have.
        MismatchError: a run of the same name was made or asked otherwise.
        Interrupted: a signal arrived; the same command continues.
        ResourceError: at the end, where a design failed.
    """
    require_own_page(page)
    workspaces = [request.workspace(design) for design in request.designs]
    if start := workspaces[0].settings.training.start_from:
        raise UsageError(
            f"macaw compare trains every design from the same LLM, but training.start_from is {start}, whose bridges "
            "are trained already.",
            "Add --set training.start_from=, or compare trained runs with --from.",
        )
    choose_processes(workspaces[0].settings.training, request.gpus, request.cpu_processes)
    candidates = _ready(request, workspaces)
    trials = _possible_trials(request, candidates, workspaces[0])
    seeds = _seeds(request, workspaces[0])
    require_kept_runs(page, [request.run_name(design, seed) for design in request.designs for seed in seeds])
    _tell(trials, candidates)
    outcomes = {trial: train_and_ask(request, trial, workspaces[0]) for trial in trials}
    comparison = side_by_side([_runs_of(candidate, outcomes) for candidate in candidates], request.seeds)
    _publish(comparison, page, as_json=as_json)


def compare_runs(folders: Sequence[Path], page: Path, *, as_json: bool = False) -> None:
    """Compare runs that exist; arguments and errors as in `compare` and `compare_existing`."""
    require_own_page(page)
    comparison = compare_existing(folders)
    require_kept_runs(page, [run.folder.name for design in comparison.designs for run in design.runs])
    _publish(comparison, page, as_json=as_json)


def price(request: Request, *, as_json: bool = False) -> None:
    """Print what each design will take, in steps, memory and time; nothing is trained.

    Raises:
        UsageError: settings or options that cannot be.
        InputError: no usable dataset or LLM.
        MismatchError: a run of the same name was made otherwise.
    """
    workspaces = [request.workspace(design) for design in request.designs]
    candidates = _ready(request, workspaces)
    trials = _possible_trials(request, candidates, workspaces[0])
    finished = Counter(trial.candidate.design.label for trial in trials if trial.run.is_finished)
    prices = [price_of(request, candidate, finished[candidate.design.label]) for candidate in candidates]
    show_prices(prices, request.seeds, as_json=as_json)


def _ready(request: Request, workspaces: Sequence[Workspace]) -> list[Candidate]:
    """Every design with all that is known before it is trained."""
    for workspace in workspaces:
        require_no_stages(workspace.settings.training, request.budget)
    runs = _runs_folder(workspaces[0])
    candidates = candidates_of(request, runs)
    for note in filter(None, map(unnamed_bridges, candidates)):
        say(note)
    return with_minutes(request, candidates, runs)


def _runs_folder(workspace: Workspace) -> Path:
    return workspace.path(workspace.settings.training.runs)


def _seeds(request: Request, workspace: Workspace) -> range:
    return range(workspace.settings.seed, workspace.settings.seed + request.seeds)


def _possible_trials(request: Request, candidates: Sequence[Candidate], workspace: Workspace) -> list[Trial]:
    """The runs; refused where what is there was made or asked otherwise."""
    trials = _trials(request, candidates, workspace)
    require_same_training(request, trials)
    require_same_questions(request, trials, workspace)
    return trials


def _trials(request: Request, candidates: Sequence[Candidate], workspace: Workspace) -> list[Trial]:
    """Every design with every seed: all of one seed before the next, so that a first comparison is there early."""
    seeds, runs = _seeds(request, workspace), _runs_folder(workspace)
    return [
        Trial(candidate, seed, RunFolder(runs / request.run_name(candidate.design, seed)))
        for seed in seeds for candidate in candidates if candidate.error is None
    ]  # fmt: skip


def _tell(trials: Sequence[Trial], candidates: Sequence[Candidate]) -> None:
    for candidate in candidates:
        if candidate.error:
            say(f"{candidate.design.label} cannot be trained: {candidate.error}")
    done = sum(trial.run.is_finished for trial in trials)
    kept = f", {done} of them finished already" if done else ""
    say(f"Comparing {counted(len(candidates), 'design')} in {counted(len(trials), 'run')}{kept}.")


def _runs_of(candidate: Candidate, outcomes: Mapping[Trial, str]) -> DesignRuns:
    """One design with its runs that were trained and evaluated, and the reasons of those that were not."""
    own = {trial: failure for trial, failure in outcomes.items() if trial.candidate is candidate}
    seeds = len(own) > 1
    failures = [f"seed {trial.seed}: {why}" if seeds else why for trial, why in own.items() if why]
    return DesignRuns(
        candidate.design.label,
        [read_run(trial.run.path) for trial, why in own.items() if not why],
        candidate.soft_tokens,
        candidate.trained_parameters,
        failures or ([str(candidate.error)] if candidate.error else []),
    )


def _publish(comparison: DesignComparison, page: Path, *, as_json: bool) -> None:
    """Page, table or JSON, and an error at the end where a design failed."""
    if comparison.measured:
        write_design_page(comparison, page)
    show_comparison(comparison, page if comparison.measured else None, as_json=as_json)
    failed = [design.name for design in comparison.designs if design.failures]
    if failed:
        raise ResourceError(
            f"{len(failed)} of {counted(len(comparison.designs), 'design')} failed: {', '.join(failed)}.",
            "The reasons are above. The same command tries these again and keeps the others.",
        )
