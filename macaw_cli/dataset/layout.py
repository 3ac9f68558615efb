"""Which sample goes into which shard: fixed before anything is written, so a resumed build repeats it."""

from collections.abc import Sequence
from dataclasses import dataclass

from macaw_cli.dataset.feature_join import JoinedConversation
from macaw_cli.dataset.samples import TAR_BLOCK, PlannedSample, plan_samples
from macaw_cli.shards.training_rows import SPLITS, Split

TAR_RECORD = 20 * TAR_BLOCK


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One shard to write."""

    name: str
    split: Split
    samples: tuple[PlannedSample, ...]
    nbytes: int
    """Its size."""


def plan_shards(joined: Sequence[JoinedConversation], sides: Sequence[Split], shard_bytes: int) -> list[PlannedShard]:
    """Fill shards in order; a new one begins where the next sample would exceed `shard_bytes`.

    Args:
        joined: every conversation that is used.
        sides: the side of each.
        shard_bytes: size of a shard; a larger sample gets one of its own.
    """
    shards: list[PlannedShard] = []
    for split in SPLITS:
        chosen = [conversation for conversation, side in zip(joined, sides, strict=True) if side == split]
        shards += _filled(plan_samples(chosen, split), split, shard_bytes)
    return shards


def _tar_bytes(members: int) -> int:
    """A tar ends with two empty blocks and fills its last record."""
    return -(-(members + 2 * TAR_BLOCK) // TAR_RECORD) * TAR_RECORD


def _filled(samples: Sequence[PlannedSample], split: Split, shard_bytes: int) -> list[PlannedShard]:
    bins: list[tuple[list[PlannedSample], list[int]]] = []
    for sample in samples:
        size = sample.nbytes
        if not bins or sum(bins[-1][1]) + size > shard_bytes:
            bins.append(([], []))
        bins[-1][0].append(sample)
        bins[-1][1].append(size)
    return [
        PlannedShard(f"{split}-{number:06d}.tar", split, tuple(content), _tar_bytes(sum(sizes)))
        for number, (content, sizes) in enumerate(bins)
    ]
