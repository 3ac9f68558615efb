"""`macaw evaluate --task`: how tasks are typed, and what is shown of their figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.command_line import same_config
from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import from_here

if TYPE_CHECKING:
    from macaw_cli.config.loading import Workspace
    from macaw_cli.evaluation.figures.thresholds import Threshold


def task_from_here(task: str, config: Path | None) -> dict[str, Any]:
    """A typed `NAME:PATH[?OPTIONS][#N]` as a section, with its paths as the workspace's settings mean them.

    Raises:
        UsageError: it is not of that form.
    """
    from macaw_cli.config.tasks.base import TaskSettings
    from macaw_cli.config.tasks.chosen import task_section
    from macaw_cli.config.tasks.table import TABLE

    section = task_section(task)
    row = TABLE.get(section["name"])
    paths = (row.settings if row else TaskSettings).PATHS
    return {key: from_here(Path(value), config) if key in paths else value for key, value in section.items()}


def _require_no_others(workspace: "Workspace") -> None:
    """Refuse settings that say how a dataset's questions are asked: they would have no effect on those of tasks.

    Raises:
        UsageError: with the first that is set.
    """
    settings = workspace.settings.evaluation
    set_there = {
        "shots": (settings.shots, "0"), "reasoning": (settings.reasoning != "none", "none"),
        "choices": (settings.choices, ""), "judge.model": (settings.judge.model, ""),
    }  # fmt: skip
    for key, (is_set, unset) in set_there.items():
        if is_set:
            raise UsageError(
                f"evaluation.{key} is about the questions of a dataset, and has no effect on those of a task.",
                f"Unset it while tasks are asked: --set evaluation.{key}={unset}",
            )


def ask_tasks(
    models: Sequence[Path], workspace: "Workspace", thresholds: "Sequence[Threshold]", *, as_json: bool
) -> None:
    """Ask a model the tasks of the settings, and show their figures."""
    if len(models) > 1:
        raise UsageError("Tasks are asked of one model.", "Name one, and run the command again for the other.")
    _require_no_others(workspace)
    from macaw_cli.evaluation.tasks.running.expected_figures import require_known_of_tasks

    require_known_of_tasks(thresholds, workspace.settings.evaluation.tasks)
    from macaw_cli.basics.console import print_table, result, result_json
    from macaw_cli.evaluation.figures.thresholds import require_reached
    from macaw_cli.evaluation.tasks.running.presentation import task_lines, task_table
    from macaw_cli.evaluation.tasks.running.run import evaluate_tasks, require_all_asked

    def show(title: str, report: Mapping[str, Any]) -> None:
        print_table(title, *task_table(report))
        for line in task_lines(title, report):
            result(line)

    # each table at once: a task behind it may fail, or be interrupted
    found = evaluate_tasks(workspace, models[0] if models else None, None if as_json else show)
    if as_json:
        result_json(found)
    else:
        result(f"Asked {found['model']}. Next: macaw chat{same_config('evaluate')}")
    require_all_asked(found)
    require_reached(found, thresholds)
