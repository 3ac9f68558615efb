"""Whether a feature store may be written where it is wanted."""

from collections.abc import Collection
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.locks import LOCK_NAME
from macaw_cli.basics.owned_folders import require_apart, require_own_folder
from macaw_cli.basics.urls import is_url, without_secrets
from macaw_cli.config.loading import Workspace
from macaw_cli.features.sources.local import local_inputs
from macaw_cli.shards.feature_store import FEATURE_STORE, STORE_NAME

_ELSEWHERE = "Name another place with --out."


def require_own_place(workspace: Workspace, sources: list[str]) -> None:
    """Refuse a folder that is not macaw's, or is not apart from every source.

    Args:
        workspace: `features.out` says where; of a URL `require_own_entries` decides.
        sources: what will be read.

    Raises:
        InputError: something else is there, or it is, holds or lies in a source; or there is no such source.
        MismatchError: a newer macaw made the store.
    """
    place = workspace.place(workspace.settings.features.out)
    if not is_url(place):
        require_own_folder(Path(place), FEATURE_STORE, _ELSEWHERE)
        require_apart(Path(place), local_inputs(workspace, sources), _ELSEWHERE)


def require_own_entries(url: str, entries: Collection[str]) -> None:
    """Refuse a remote folder in which others keep their files.

    Args:
        url: of the folder.
        entries: names in it.

    Raises:
        InputError: it holds something, and no `store.json`.
    """
    strangers = [name for name in entries if name != LOCK_NAME]
    if strangers and STORE_NAME not in entries:
        problem = f"{without_secrets(url)} is not a feature store of macaw: it holds {strangers[0]}."
        raise InputError(problem, _ELSEWHERE)
