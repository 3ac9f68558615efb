"""Where the LLM of a training comes from; checked before anything heavy is imported."""

from pathlib import Path

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace


def llm_source(workspace: Workspace) -> str:
    """Folder or hub id of the LLM.

    Raises:
        UsageError: the settings name none.
        InputError: a path that is not there.
    """
    named = workspace.settings.llm
    if not named:
        raise UsageError("`llm` is not set.", "Give --llm FOLDER_OR_HUB_ID, or set `llm` in macaw.yaml.")
    source = workspace.model_source(named)
    if source.startswith((".", "/", "~")) and not Path(source).is_dir():
        raise InputError(
            f"`llm` names a folder that does not exist: {source}.",
            "Name a model folder of transformers, or a hub id.",
        )
    return source
