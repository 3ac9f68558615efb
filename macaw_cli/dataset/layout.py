"""Which sample goes into which shard: fixed before anything is written, so a resumed build repeats it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from macaw_cli.dataset.samples import TAR_BLOCK
from macaw_cli.shards.training_rows import Split

TAR_RECORD = 20 * TAR_BLOCK


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One shard to write."""

    name: str
    split: Split
    first: int
    """Number of its first sample in the build."""
    samples: int
    nbytes: int
    """Its size."""


def plan_shards(sizes: Iterable[int], split: Split, first: int, shard_bytes: int) -> Iterator[PlannedShard]:
    """Fill shards in order; a new one begins where the next sample would exceed `shard_bytes`.

    Args:
        sizes: bytes of each sample of a side in the tar.
        split: the side.
        first: number of its first sample in the build.
        shard_bytes: size of a shard; a larger sample gets one of its own.
    """
    number = samples = filled = 0
    for size in sizes:
        if samples and filled + size > shard_bytes:
            yield PlannedShard(f"{split}-{number:06d}.tar", split, first, samples, _tar_bytes(filled))
            number, first, samples, filled = number + 1, first + samples, 0, 0
        samples, filled = samples + 1, filled + size
    if samples:
        yield PlannedShard(f"{split}-{number:06d}.tar", split, first, samples, _tar_bytes(filled))


def _tar_bytes(members: int) -> int:
    """A tar ends with two empty blocks and fills its last record."""
    return -(-(members + 2 * TAR_BLOCK) // TAR_RECORD) * TAR_RECORD
