"""Everything that is decided before a byte is written: what is taken, rejected, held out, and where it goes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.console import say
from macaw_cli.config.settings import Settings
from macaw_cli.dataset import unread_keys
from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.feature_join import FeatureStores, JoinedConversation, join
from macaw_cli.dataset.filtering import compared
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.layout import PlannedShard, plan_shards
from macaw_cli.dataset.leaks import LEAK, LeakReport, check_leaks, media_by_side, without_leaks
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.sources import load_source
from macaw_cli.dataset.splitting import SplitItem, assign_splits
from macaw_cli.shards.training_rows import Split

MEGABYTE = 1_000_000
INDEX_BYTES_PER_CONVERSATION = 500


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset that only has to be written."""

    sources: Sequence[Source]
    conversations: list[JoinedConversation]
    sides: list[Split]
    rejects: list[Reject]
    stores: FeatureStores
    shards: list[PlannedShard]
    filters: Sequence[str]
    """Names of the chosen filters."""
    leaks: LeakReport | None = None
    """Training media that are nearly the same as held-out ones; None where they were not compared."""

    @property
    def nbytes(self) -> int:
        """About how much will be written."""
        return sum(shard.nbytes for shard in self.shards) + INDEX_BYTES_PER_CONVERSATION * len(self.conversations)


def prepare(
    sources: Sequence[Source], store_folders: Sequence[Path], settings: Settings,
    chain: FilterChain, media_folders: MediaFolders | None = None, benchmarks: Sequence[Path] = (),
) -> Prepared:
    """Read the sources, join them with features, filter, split, and lay out the shards.

    Args:
        sources: what to read.
        store_folders: feature stores.
        settings: the workspace's.
        chain: the chosen filters.
        media_folders: where files are looked up by name.
        benchmarks: feature stores whose media must not be trained on.

    Raises:
        InputError: a source or a feature store cannot be read.
        DamagedError: a feature store is incomplete.
        MismatchError: the feature stores do not belong together.
    """  # fmt: skip
    conversations, rejects = _load(sources, settings.seed, chain)
    if unread := unread_keys.warning(conversations):
        say(unread)
    # a dataset of text alone needs no feature store, so one is only opened for conversations with media
    needs_media = any(any(conversation.media.values()) for conversation in conversations)
    stores = FeatureStores(store_folders if needs_media else [])
    joined, without_features = join(conversations, stores, [source.path.parent for source in sources], media_folders)
    passed, filtered = compared(joined, chain)
    kept, sides, conflicts = _split(passed, settings)
    leaks: LeakReport | None = None
    leaked: list[Reject] = []
    if settings.dataset.leak_check != "off":
        similarity = settings.dataset.leak_similarity
        leaks = check_leaks(media_by_side(kept, sides), stores, similarity, benchmarks)
        if settings.dataset.leak_check == "drop":
            kept, sides, leaked = without_leaks(kept, sides, leaks)
    shards = plan_shards(kept, sides, settings.dataset.shard_megabytes * MEGABYTE)
    all_rejects = [*rejects, *without_features, *filtered, *conflicts, *leaked]
    names = [*chain.names, LEAK] if settings.dataset.leak_check == "drop" else chain.names
    return Prepared(sources, kept, sides, all_rejects, stores, shards, names, leaks)


def _load(sources: Sequence[Source], seed: int, chain: FilterChain) -> tuple[list[Conversation], list[Reject]]:
    conversations: list[Conversation] = []
    rejects: list[Reject] = []
    for source in sources:
        taken, bad = load_source(source, seed, chain)
        if source.items and source.count and len(taken) < source.count:
            say(
                f"{source.name} has {len(taken)} usable conversations, but {source.count} were requested. All of them "
                "are used.",
            )
        conversations += taken
        rejects += bad
    return conversations, rejects


def _split(
    joined: list[JoinedConversation], settings: Settings
) -> tuple[list[JoinedConversation], list[Split], list[Reject]]:
    sides = assign_splits([_split_item(item) for item in joined], settings.dataset.val_fraction, settings.seed)
    pairs = list(zip(joined, sides, strict=True))
    held_out = {use.medium.row.key for item, side in pairs if side == "val" for use in item.media}
    kept: list[JoinedConversation] = []
    kept_sides: list[Split] = []
    rejects: list[Reject] = []
    asked_before: set[int] = set()
    for item, side in pairs:
        if side is None:
            rejects.append(_conflict(item, held_out))
        elif side == "train" or id(item.conversation) not in asked_before:  # `#N+` repeats no held-out question
            kept.append(item)
            kept_sides.append(side)
            asked_before.add(id(item.conversation))
    return kept, kept_sides, rejects


def _split_item(item: JoinedConversation) -> SplitItem:
    given = item.conversation
    if item.media:
        modalities = sorted({use.medium.row.modality for use in item.media})
        return SplitItem(frozenset(use.medium.row.key for use in item.media), "+".join(modalities), given.split)
    text = hashlib.sha256(json.dumps(given.messages).encode()).hexdigest()
    # equal text is kept together when we choose the side; who chooses sides per row may repeat text on both
    link = f"{text}/{given.origin.source}/{given.origin.row}" if given.split else text
    return SplitItem(frozenset([link]), "", given.split)


def _conflict(item: JoinedConversation, held_out: set[str]) -> Reject:
    given = item.conversation
    shared = [use.source for use in item.media if use.medium.row.key in held_out]
    reason = (
        f"{', '.join(shared)} belongs to held-out conversations as well, but no medium may be in both splits"
        if shared
        else "its media connect conversations that ask for `train` with others that ask for `val`"
    )
    return Reject(given.origin, "no medium on both sides", reason, given.id)
