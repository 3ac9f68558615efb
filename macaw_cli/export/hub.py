"""Sending an exported folder to the Hugging Face hub: only where `--push-to-hub` asks for it, and only when proved.

The token is that of `hf auth login` or HF_TOKEN; it is handed to the library and never shown.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, ResourceError, UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.export.export_report import REPORT_NAME

_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}")
_OF_THE_HUB = {".gitattributes"}
"""Files that a new repository has by itself."""


def require_own_repository(repository: str, *, private: bool) -> None:
    """Make a repository, or see that it is one of macaw's exports; call it before any work.

    Args:
        repository: `owner/name`.
        private: whether it is private where it is made.

    Raises:
        UsageError: it is no such name, there is no token, or the hub is switched off.
        InputError: the repository holds something else than an export.
        ResourceError: the hub cannot be reached, or refuses.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"--push-to-hub takes owner/name, found {shown(repository)}.", "For example: me/my-model")
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise UsageError("HF_HUB_OFFLINE=1 switches the hub off.", "Unset it, or leave --push-to-hub out.")
    if not get_token():
        raise UsageError("There is no token for the hub.", "Log in with `hf auth login`, or leave --push-to-hub out.")
    api = _api()
    with _told(f"{repository} cannot be made or looked at"):
        api.create_repo(repository, private=private, exist_ok=True)
        files = set(api.list_repo_files(repository)) - _OF_THE_HUB
    if files and REPORT_NAME not in files:
        raise InputError(
            f"The repository {repository} holds something else than an export of macaw: {cut(min(files))}.",
            "Name another one; what macaw did not make is never overwritten.",
        )


def push(folder: Path, repository: str) -> str:
    """Send a folder as one commit.

    Args:
        folder: the export; it stays.
        repository: as checked by `require_own_repository`.

    Returns:
        The URL of the repository.

    Raises:
        ResourceError: the hub cannot be reached, or refuses.
    """
    hint = f"The export itself is done. Send it later: {to_type('hf', 'upload', repository, folder)}"
    with _told(f"{folder} could not be sent to {repository}", hint):
        _api().upload_folder(
            repo_id=repository, folder_path=folder, delete_patterns="*",
            commit_message="Export of a model that was trained with macaw",
        )  # fmt: skip
    return str(_api().endpoint).rstrip("/") + f"/{repository}"


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi()


@contextmanager
def _told(problem: str, hint: str = "Check the name, the token's rights and the network.") -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", "no status")
        raise ResourceError(f"{problem}: the hub answers {status}.", hint) from None
    except OSError as error:
        raise ResourceError(f"{problem}: {type(error).__name__}.", hint) from None
    except Exception as error:  # the library's own, and those of the client that it happens to use
        if not type(error).__module__.startswith(("httpx", "httpcore", "huggingface_hub")):
            raise
        raise ResourceError(f"{problem}: {type(error).__name__}.", hint) from None
