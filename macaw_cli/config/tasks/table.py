"""Every benchmark task, those of macaw and those that other packages add.

A task of macaw is a file of settings in this folder, a file in `evaluation/tasks/` and a row of `BUILT_IN`. Another
package adds one by an entry point in the group `macaw.tasks` that names a `TaskEntry`: see docs/own-parts.md.
"""

from macaw_cli.config.design_entries import DesignEntry, with_plug_ins
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.config.tasks.pope import PopeSettings
from macaw_cli.config.tasks.vqav2 import Vqav2Settings


class TaskEntry(DesignEntry):
    """One row of the table: a task's settings, and where its module is.

    Attributes:
        settings: a frozen dataclass, a subclass of `TaskSettings` with a field `name`. Every field has a default. It is
            checked without torch: its module must not import torch, numpy or transformers.
        module: `module:class` of a subclass of `macaw_cli.evaluation.tasks.task.Task`, imported on use.
    """

    settings: type[TaskSettings]


GROUP = "macaw.tasks"
"""The group of entry points."""
BUILT_IN = (
    TaskEntry(PopeSettings, "macaw_cli.evaluation.tasks.pope:Pope"),
    TaskEntry(Vqav2Settings, "macaw_cli.evaluation.tasks.vqav2:Vqav2"),
)
TABLE, PACKAGES = with_plug_ins(GROUP, TaskEntry, "a task", BUILT_IN)
"""The rows by name, and the package of each row that is not macaw's."""
