"""The tasks by name, imported on use; their rows are in `config/tasks/table.py`."""

from dataclasses import replace
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.plug_ins import class_of_package
from macaw_cli.config.loading import Workspace
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.config.tasks.table import PACKAGES, TABLE
from macaw_cli.evaluation.tasks.task import Task


def task_class(name: str) -> type[Task[Any]]:
    """The class behind a name of the table.

    Raises:
        UsageError: the package that adds it names no class that can be used.
    """
    place = TABLE[name].module
    package = PACKAGES.get(name)
    found: Any = class_of_package(place, Task, f"the task {name}", package) if package else named_object(place)
    checked: type[Task[Any]] = found
    return checked


def open_task(settings: TaskSettings, workspace: Workspace) -> Task[Any]:
    """A task with its files.

    Raises:
        InputError: `path` or `media` is not there.
        UsageError: a package adds a task that cannot be used.
    """
    path = workspace.path(settings.path)
    if not path.exists():
        raise InputError(
            f"The files of the task {settings.name} are not at {path}.", "Download them: docs/tasks.md names the place."
        )
    media = workspace.path(settings.media) if settings.media else path if path.is_dir() else path.parent
    if not media.is_dir():
        raise InputError(f"The media folder of the task {settings.name} is not at {media}.", "Correct its `media`.")
    given = {name: getattr(settings, name) for name in settings.PATHS}
    others: dict[str, Any] = {name: str(workspace.path(value)) for name, value in given.items() if value}
    return task_class(settings.name)(replace(settings, **others), path, media)
