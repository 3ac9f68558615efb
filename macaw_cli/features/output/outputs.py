"""Where a feature store is written: a folder, or a URL by way of a working folder in the user's cache.

An object store has no rename and no append. So every shard is finished in the working folder and sent whole; only then
its rows go into the manifest, and the manifest is sent after the shards that it names.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from macaw_cli.basics.background import Background
from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.basics.remote_files import driver_errors_are_told
from macaw_cli.basics.remote_transfer import send
from macaw_cli.basics.urls import is_url, joined, without_secrets
from macaw_cli.basics.working_files import remove_file
from macaw_cli.features.output.remote_lock import remote_lock
from macaw_cli.features.output.working_copy import WorkingCopy
from macaw_cli.features.shard_rows import JobResult
from macaw_cli.shards.feature_store import STORE_NAME
from macaw_cli.shards.remote_store import cache_of_store

_PUSH_EVERY_S = 60.0
_PUSH_SHARE = 0.05
"""Most of the time that may go into sending a manifest that has grown long, again and again."""
_SHARDS_BEHIND = 2
"""Finished jobs that may wait to be sent."""
SHARDS_HERE = _SHARDS_BEHIND + 2
"""Finished shards of a modality that may be in the working folder, with the one that is sent and the one being made."""
Commit = Callable[[JobResult], None]


class Output(Protocol):
    """A store that is locked for writing.

    Attributes:
        folder: where its small files are, and shards while they are made.
        place: what people call it.
        sizes: of its finished shards, where they are not in `folder`.
    """

    folder: Path
    place: str
    sizes: Mapping[str, int] | None

    def publish(self, result: JobResult, commit: Commit) -> None:
        """Bring the shards of a finished job where they belong, then commit their rows."""

    def wait(self) -> None:
        """Until everything that was published is committed."""

    def close(self) -> None:
        """Bring the small files where they belong."""


class LocalOutput:
    """See `Output`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, str(folder)
        self.sizes: Mapping[str, int] | None = None

    def publish(self, result: JobResult, commit: Commit) -> None:
        """The shards are there already."""
        commit(result)

    def wait(self) -> None:
        """Nothing is on its way."""

    def close(self) -> None:
        """Everything is there already."""


class RemoteOutput:
    """See `Output`; the shards are sent by a thread, a few behind those that are made."""

    def __init__(self, url: str, copy: WorkingCopy) -> None:
        self.folder, self.place = copy.folder, without_secrets(url)
        self.sizes: Mapping[str, int] | None = copy.sizes
        self._url, self._copy = url, copy
        self._sender = Background(_SHARDS_BEHIND)
        self._stack = ExitStack()
        self._stack.enter_context(self._sender)
        self._pushed, self._push_took = float("-inf"), 0.0

    def publish(self, result: JobResult, commit: Commit) -> None:
        """Send, commit, and now and then send the small files as well, in the background.

        Raises:
            MacawError: what an earlier job met with.
        """
        self._sender.submit(partial(self._send, result, commit))

    def wait(self) -> None:
        """Until the sender is idle.

        Raises:
            MacawError: a shard could not be sent.
        """
        self._stack.close()

    def close(self) -> None:
        """Send the small files.

        Raises:
            MacawError: one could not be sent.
        """
        self.wait()
        self._copy.push()

    def give_up(self, error: BaseException) -> None:
        """Send what is committed, if that is possible: another machine may go on from there."""
        with suppress(MacawError):
            self._stack.__exit__(type(error), error, None)
        with suppress(MacawError):
            self._copy.push()

    def _send(self, result: JobResult, commit: Commit) -> None:
        self._copy.push([STORE_NAME])  # before any shard: what makes the place macaw's own
        shards = [row["shard"] for row in result.rows if "sha256" in row and row["bytes"]]
        for name in shards:
            with driver_errors_are_told(joined(self._url, name), "written"):
                send(self.folder / name, joined(self._url, name))
        commit(result)
        for name in shards:
            remove_file(self.folder / name)
        if time.monotonic() - self._pushed > max(_PUSH_EVERY_S, self._push_took / _PUSH_SHARE):
            began = time.monotonic()
            self._copy.push()
            self._pushed, self._push_took = time.monotonic(), time.monotonic() - began


@contextmanager
def open_output(place: str) -> Iterator[Output]:
    """Lock a folder or URL for writing and see what is there already.

    Raises:
        LockedError: another command is writing there.
        InputError: it may not be written.
        ResourceError: the disk is full, or the URL cannot be reached.
    """
    folder = cache_of_store(place, "work") if is_url(place) else Path(place)
    with folder_lock(folder), disk_full_is_told(folder):
        if not is_url(place):
            yield LocalOutput(folder)
            return
        with remote_lock(place):
            output = RemoteOutput(place, WorkingCopy(place, folder))
            try:
                yield output
            except BaseException as error:
                output.give_up(error)
                raise
            output.close()
