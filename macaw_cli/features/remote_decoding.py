"""Decode what is remote: its copy from the hashing where there is one, else fetched again and compared."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from macaw_cli.basics.background import waits_until
from macaw_cli.basics.errors import InputError, Passing
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.remote_transfer import fetch
from macaw_cli.basics.urls import extension_of
from macaw_cli.basics.working_files import remove_file
from macaw_cli.features.items import Item
from macaw_cli.features.remote.fetch_errors import fetch_errors_are_told
from macaw_cli.features.remote.fetching import STAGING_NAME, drop_copy
from macaw_cli.media.decoding import Decoded

_THREADS = 16
_CHANGED = "It was changed after it was hashed: run the command again."
Submit = Callable[[Item], "Future[Decoded]"]
"""Decodes an item whose `file` is one of this machine."""


class RemoteDecoding:
    """Between a pipeline and its decoders, for items whose `file` is a URL."""

    def __init__(self, store: Path) -> None:
        self._folder = store / STAGING_NAME
        self._numbers = itertools.count()
        self._threads: ThreadPoolExecutor | None = None
        self._stopping = Event()

    def decode(self, item: Item, submit: Submit) -> "Future[Decoded]":
        """Like `submit`; what cannot be fetched now raises Passing in the future."""
        answer: Future[Decoded] = Future()
        if item.staged and Path(item.staged).exists():
            self._hand_on(item, Path(item.staged), item.offset, submit, answer)
        else:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(
                    _THREADS, "fetching again", initializer=waits_until, initargs=(self._stopping.is_set,)
                )
            self._threads.submit(self._fetch, item, submit, answer)
        return answer

    def close(self) -> None:
        """Nothing more is asked for."""
        if self._threads is not None:
            self._stopping.set()
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, item: Item, submit: Submit, answer: "Future[Decoded]") -> None:
        # the process's id: workers on other GPUs share the folder
        path = self._folder / f"again-{os.getpid()}-{next(self._numbers)}{extension_of(item.file)}"
        try:
            with fetch_errors_are_told(item.file):
                fetch(item.file, path, item.offset, None if item.offset is None else item.bytes)
                if sha256_file(path) != item.sha256:
                    raise Passing(_CHANGED)
            self._hand_on(item, path, None, submit, answer)
        except BaseException as error:  # raised where the answer is asked for
            remove_file(path)
            answer.set_exception(error)

    def _hand_on(
        self, item: Item, path: Path, offset: int | None, submit: Submit, answer: "Future[Decoded]"
    ) -> None:
        here = replace(item, file=str(path), offset=offset)
        submit(here).add_done_callback(partial(_answered, item, path, answer))


def _answered(item: Item, path: Path, answer: "Future[Decoded]", decoded: "Future[Decoded]") -> None:
    drop_copy(str(path))
    if decoded.cancelled():
        answer.cancel()
    elif isinstance(error := decoded.exception(), InputError):
        problem = error.problem.replace(f"{path} ", "It ", 1).replace(str(path), item.names[0])
        answer.set_exception(type(error)(problem, error.hint))
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(decoded.result())
