"""What reads packed sequences for a stage, whatever it learns, and threads that do so ahead of it."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch

from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.step_sample import PackedExamples

READ_AHEAD = 4
"""Packed sequences that are ready or being read ahead; with more than two threads, twice their number."""
READ_AHEAD_BYTES = 512 << 20
"""Features, as stored, of these sequences; fewer sequences are read ahead where theirs are larger, but always one."""


class StepBatch(Protocol):
    """What one packed sequence gives to a forward pass, whatever the stage learns."""

    @property
    def digest(self) -> int:
        """48 bits that change with anything that was read of the sequence; the same at whatever process it is read."""

    @property
    def groups(self) -> torch.Tensor | None:
        """(n,) int64: the group of each supervised token, where losses are weighted."""

    @property
    def targets(self) -> int:
        """What the sequence's summed loss is a sum of: response tokens, or pairs."""

    def inputs(self, device: torch.device) -> dict[str, Any]:
        """Keyword arguments of the forward pass."""


class Reader(Protocol):
    """Makes batches out of packed sequences."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each conversation."""

    def read(self, sequence: PackedExamples) -> StepBatch:
        """One packed sequence."""

    def names(self, sequence: PackedExamples) -> list[str]:
        """Ids of the conversations of a packed sequence."""

    def stored_bytes(self, sequence: PackedExamples) -> int:
        """Bytes of the sequence's features in the shards."""

    def targets(self, step: PlannedStep) -> int:
        """What the losses of a step are divided by: `StepBatch.targets` over all ranks."""


def read_ahead(reader: Reader, sequences: Iterable[PackedExamples], threads: int = 2) -> Generator[StepBatch]:
    """The batches of `sequences`, in order, each read by a thread before it is asked for.

    What goes wrong in a thread is raised where its batch is asked for, and nothing comes after it. Closing the
    generator waits for the reads that run, at most one for each thread, and drops the others.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="macaw-read")
    waiting: deque[tuple[Future[StepBatch], int]] = deque()
    ahead = 0
    try:
        for sequence in sequences:
            size = reader.stored_bytes(sequence)
            while waiting and (len(waiting) >= max(READ_AHEAD, 2 * threads) or ahead + size > READ_AHEAD_BYTES):
                future, freed = waiting.popleft()
                ahead -= freed
                yield future.result()
            waiting.append((pool.submit(reader.read, sequence), size))
            ahead += size
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
