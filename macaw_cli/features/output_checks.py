"""Whether a feature store may be written where it is wanted."""

import glob
import os
from collections.abc import Collection
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.locks import LOCK_NAME
from macaw_cli.basics.owned_folders import require_apart, require_own_folder
from macaw_cli.basics.urls import is_url, local_place, without_secrets
from macaw_cli.config.loading import Workspace
from macaw_cli.features.sources.local import local_inputs
from macaw_cli.features.sources.patterns import expand_braces, fits
from macaw_cli.shards.feature_store import FEATURE_STORE, STORE_NAME

_ELSEWHERE = "Name another place with --out."
_WRITTEN = ("image-000000.tar", "audio-000000.tar", "video-000000.tar", "manifest.jsonl", "rejects.jsonl")


def require_own_place(workspace: Workspace, sources: list[str]) -> None:
    """Refuse a folder that is not macaw's, or is, contains or lies inside a source.

    Args:
        workspace: `features.out` says where; of a URL `require_own_entries` decides.
        sources: what will be read.

    Raises:
        InputError: something else is there, or it is, holds or lies in a source or an encoder, or a pattern among the
            sources would find it; or there is no such source.
        MismatchError: a newer macaw made the store.
    """
    place = workspace.place(workspace.settings.features.out)
    if not is_url(place):
        require_own_folder(Path(place), FEATURE_STORE, _ELSEWHERE)
        settings = workspace.settings.features
        named = [workspace.model_source(one.model) for one in (settings.image_encoder, settings.audio_encoder)]
        encoders = [Path(model) for model in named if model and Path(model).is_dir()]
        require_apart(Path(place), [*local_inputs(workspace, sources), *encoders], _ELSEWHERE)
        _require_outside_patterns(workspace, place, sources)


def _require_outside_patterns(workspace: Workspace, place: str, sources: list[str]) -> None:
    """The next run must not take what this one writes for a source."""
    written = [os.path.join(os.path.realpath(place), name) for name in _WRITTEN]  # noqa: PTH118, strings are matched
    for source in sources:
        for pattern in [] if is_url(source) else expand_braces(local_place(source)):
            base, mark, rest = str(workspace.path(pattern)).partition("*")
            folder, _, first = base.rpartition("/")
            whole = f"{os.path.realpath(folder)}/{first}{mark}{rest}"
            if glob.has_magic(whole) and any(fits(whole, path) for path in written):
                problem = f"{place} cannot be written: the source {source} would mean what is in it."
                raise InputError(problem, _ELSEWHERE)


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
