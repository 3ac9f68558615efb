"""Where the LLM of a training comes from; an LLM is checked before anything heavy is imported."""

from pathlib import Path

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings


def llm_source(workspace: Workspace) -> str:
    """Folder or hub id of the LLM; of a training that starts from a model, that model's folder.

    Raises:
        UsageError: the settings name none.
        InputError: a path that is not there, or holds no model to start from.
    """
    start = start_folder(workspace)
    if start is not None:
        return str(start)
    named = workspace.settings.llm
    if not named:
        raise UsageError(
            "`llm` is not set.", "Give --llm FOLDER_OR_HUB_ID or --start-from MODEL, or set `llm` in macaw.yaml."
        )
    source = workspace.model_source(named)
    if source.startswith((".", "/", "~")) and not Path(source).is_dir():
        raise InputError(
            f"`llm` names a folder that does not exist: {source}.",
            "Name a model folder of transformers, or a hub id.",
        )
    return source


def llm_name(settings: Settings) -> str:
    """What the settings call the LLM, or the model that it is part of."""
    return settings.training.start_from or settings.llm


def start_folder(workspace: Workspace) -> Path | None:
    """The model folder that `training.start_from` names, itself or as a run; None where nothing is named.

    Raises:
        InputError: there is no model of macaw.
        UsageError: it is a URL.
    """
    named = workspace.settings.training.start_from
    if not named:
        return None
    from macaw_cli.model.folder import model_folder

    return model_folder(workspace.path(named))
