"""A few remote media, fetched to be measured by `--plan`."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.remote_transfer import fetch
from macaw_cli.basics.urls import extension_of, is_url
from macaw_cli.features.remote.fetch_errors import fetch_errors_are_told
from macaw_cli.features.source import Source

_THREADS = 16


def fetched_sample(sample: list[Source], scratch: Path) -> tuple[list[Source], float]:
    """The sample with remote media here, without those that cannot be fetched, and seconds per medium that it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="fetching") as threads:
        found: Iterable[Source | None] = threads.map(lambda source: _fetched(source, scratch), sample)
        here = [source for source in found if source]
    remote = any(is_url(source.file) for source in sample)
    return here, (time.monotonic() - began) / len(sample) if remote else 0.0


def _fetched(source: Source, scratch: Path) -> Source | None:
    if not is_url(source.file):
        return source
    path = scratch / f"{abs(hash((source.name, source.offset)))}{extension_of(source.file)}"
    try:
        with fetch_errors_are_told(source.file):
            fetch(source.file, path, source.offset, source.size)
    except InputError:
        return None
    return replace(source, file=str(path), offset=None)
