"""Feature arrays of a store as they are stored: read by position and passed on without a copy in between."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.npy_arrays import parse_npy
from macaw_cli.shards.feature_rows import FeatureRow
from macaw_cli.shards.positioned_reads import PositionedReads
from macaw_cli.shards.tar_writer import npy_bytes


class StoredArrays:
    """The arrays in the shards of a feature store.

    Args:
        folder: the store.
        before_open: see `PositionedReads`.
    """

    def __init__(self, folder: Path, before_open: Callable[[str], None] | None = None) -> None:
        self.reads = PositionedReads(folder, before_open)

    def array(self, row: FeatureRow) -> np.ndarray:
        """The features: fp16, `row.shape`, read-only.

        Raises:
            DamagedError: the shard is missing, cut or holds something else there.
        """
        return _checked(self._content(row), row)

    def npy(self, row: FeatureRow) -> bytes:
        """The features as the bytes of an `.npy` file, the same bytes for the same numbers.

        Raises:
            DamagedError: the shard is missing, cut or holds something else there.
        """
        content = self._content(row)
        header = _header(row.shape, row.dtype)
        if content.startswith(header) and len(content) == len(header) + _data_bytes(row.shape, row.dtype):
            return content
        return npy_bytes(_checked(content, row))  # written by another version of numpy

    def _content(self, row: FeatureRow) -> bytes:
        return self.reads.bytes(row.shard.name, row.offset, row.nbytes)


def _checked(content: bytes, row: FeatureRow) -> np.ndarray:
    array = parse_npy(content, f"{row.shard}, byte {row.offset}")
    if array.shape != row.shape:
        raise DamagedError(f"{row.shard} holds {array.shape} for {row.key}, but the manifest says {row.shape}.")
    return array


@lru_cache(256)
def _header(shape: tuple[int, ...], dtype: str) -> bytes:
    size = _data_bytes(shape, dtype)
    whole = npy_bytes(np.zeros(shape, dtype))
    return whole[: len(whole) - size]


def _data_bytes(shape: tuple[int, ...], dtype: str) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize
