"""The jobs as a source of Ray Data."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import ray
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata


class JobSource(Datasource):  # type: ignore[misc]
    """One read task that hands on the jobs of a `JobFeed`, each as a block of one row, until the feed ends."""

    def __init__(self, feed: Any) -> None:
        super().__init__()
        self._feed = feed

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known."""
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """The one."""
        feed = self._feed
        about = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: _blocks(feed), about)]


def _blocks(feed: Any) -> Iterator[pa.Table]:
    while (job := ray.get(feed.take.remote())) is not None:
        yield pa.table({"job": [job]})
