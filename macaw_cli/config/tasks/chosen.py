"""`evaluation.tasks:` a list of tasks, each as text, `NAME:PATH[?OPTIONS][#N]`, or as a section."""

import re
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.path_options import path_and_options
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.named_lists import KEY, VariantForm, list_of
from macaw_cli.config.setting_types import TAG
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.config.tasks.table import TABLE

_TAG = f"{TAG}task/"
_SPEC = re.compile(r"(?P<name>[A-Za-z0-9_-]+):(?P<path>[^?]+)(?P<options>\?.*?)?(?:#(?P<limit>[0-9]+))?", re.DOTALL)
EXAMPLE = "pope:annotations/coco_pope_random.json?media=coco/val2014"


def task_section(text: str) -> dict[str, Any]:
    """The section that a text `NAME:PATH[?OPTIONS][#N]` is short for.

    Raises:
        UsageError: it is not of that form.
    """
    found = _SPEC.fullmatch(text)
    if not found:
        raise UsageError(
            f"A task has the form NAME:PATH or NAME:PATH?OPTIONS#N, found {shown(text)}.",
            f"For example {EXAMPLE}; tasks: {', '.join(TABLE)}.",
        )
    path, options = path_and_options(found["path"] + (found["options"] or ""), EXAMPLE)
    for key in ("name", "path", *(["limit"] if found["limit"] else [])):
        if key in options:
            raise UsageError(f"The {key} of a task stands outside its options, found {shown(text)}.", EXAMPLE)
    limit = {"limit": found["limit"]} if found["limit"] else {}
    return {"name": found["name"], "path": path, **options, **limit}


class TaskForm(VariantForm):
    """A task given as text; a name that no task has is refused."""

    def section(self, value: Any) -> Any:
        """The section that a text is short for; anything else as it is."""
        return task_section(value) if isinstance(value, str) else value


def _usable(chosen: tuple[TaskSettings, ...]) -> tuple[TaskSettings, ...]:
    """Results lie under the tasks' titles, so that each stands once; and every task has a file."""
    titles = [one.called for one in chosen]
    if twice := [title for title in titles if titles.count(title) > 1]:
        raise ValueError(f"names {twice[0]} twice; give one of them another `title`")
    if missing := [one.name for one in chosen if not one.path]:
        raise ValueError(f"the task {missing[0]} needs the `path` of its files")
    return chosen


_FORM = TaskForm(KEY, {name: row.settings for name, row in TABLE.items()})
TASK_FORMS = {f"{_TAG}{name}": kind for name, kind in _FORM.variants.items()}
"""Tag to the settings that it stands for."""

if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyTasks = tuple[TaskSettings, ...]
else:
    AnyTasks = list_of(_FORM, _TAG, _usable)
    """A list of tasks as it may be written."""
