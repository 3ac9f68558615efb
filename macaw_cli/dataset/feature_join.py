"""Conversations meet the features of their media."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import composed
from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.media_names import MediaFolders, other_names
from macaw_cli.dataset.messages import placed_media
from macaw_cli.dataset.portable_paths import portable_name
from macaw_cli.dataset.rejects import REJECTS_NAME
from macaw_cli.dataset.scratch.media_table import Medium
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.text.soundtrack_places import with_soundtrack_places
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.store_rows import reject_rows

CACHED_NAMES = 1 << 16
"""Media whose features are not looked up again when the next conversation names them."""


@dataclass(frozen=True, slots=True)
class MediaUse:
    """A medium in a conversation."""

    medium: Medium
    source: str
    """What the conversation calls it; never an absolute path."""
    soundtrack_of: int | None = None
    """For a soundtrack: the position of its video in the conversation's media."""


@dataclass(frozen=True, slots=True)
class JoinedConversation:
    """A conversation whose media all have features, ordered image, audio, video."""

    conversation: Conversation
    media: tuple[MediaUse, ...]


_NO_USES: list[MediaUse] = []


class FeatureStores:
    """Several feature stores as one.

    Args:
        folders: the stores; their fingerprints must agree wherever two hold the same modality.

    Raises:
        InputError: a folder is no feature store.
        DamagedError: one of its shards is missing or cut.
        MismatchError: two stores were made with different encoders.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.stores = [FeatureStore(folder) for folder in folders]
        self.fingerprints: dict[Modality, dict[str, object]] = {}
        for position, store in enumerate(self.stores):
            for other in self.stores[:position]:
                require_same_encoders(other.fingerprints, store.fingerprints, str(other.folder), str(store.folder))
            self.fingerprints |= store.fingerprints
        self._refused = {
            (row.get("modality"), composed(posixpath.basename(row.get("path", "")))): row.get("reason")
            for folder in folders
            for row in reject_rows(folder / REJECTS_NAME)
        }

    def find(self, names: Iterable[str], modality: Modality) -> Medium:
        """The medium that is called by one of `names`, tried in order.

        Raises:
            InputError: no store has it, or stores have different files of that name.
        """
        first = None
        for name in names:
            first = first or name
            rows = [(number, store.find(name, modality)) for number, store in enumerate(self.stores)]
            found = [Medium(number, row) for number, row in rows if row]
            if len({medium.row.key for medium in found}) > 1:
                stores = " and ".join(str(self.stores[medium.store].folder) for medium in found)
                raise InputError(f"{modality} {name} is a different file in {stores}")
            if found:
                return found[0]
        first = first or ""
        reasons = [store.why_missing(first, modality) for store in self.stores]
        if refused := self._refused.get((modality, composed(posixpath.basename(first)))):
            reasons.append(f"extract-features could not use it: {refused}")
        raise InputError("; ".join(reasons) or f"no feature store has the {modality} {first}")

    def soundtrack(self, key: str) -> Medium | None:
        """The features of the audio of a video, by its content key, if it has any."""
        for number, store in enumerate(self.stores):
            if row := store.find(key, "audio"):
                return Medium(number, row)
        return None


class Joiner:
    """Finds the features of conversations' media.

    Args:
        store_folders: the feature stores; opened with the first conversation that has media, as text alone needs none.
        media_folders: where files of these names lie, for those that no store knows by the names that rows give.

    Attributes:
        stores: those that are open.
    """

    def __init__(self, store_folders: Sequence[Path], media_folders: MediaFolders | None = None) -> None:
        self._folders: Sequence[Path] | None = store_folders
        self._media_folders = media_folders
        self.stores = FeatureStores([])
        self._find = lru_cache(CACHED_NAMES)(self._found)
        self._soundtrack = lru_cache(CACHED_NAMES)(self._soundtrack_found)

    def open_for(self, conversation: Conversation) -> None:
        """Open the stores, if they are not and the conversation needs them.

        Raises:
            InputError: a folder is no feature store.
            DamagedError: a feature store is incomplete.
            MismatchError: two feature stores were made with different encoders.
        """
        if self._folders is not None and any(conversation.media.values()):
            folders, self._folders = self._folders, None
            self.stores = FeatureStores(folders)

    def join(self, conversation: Conversation, folder: Path) -> JoinedConversation:
        """A conversation with the features of its media.

        Args:
            conversation: a checked one, for which the stores are open.
            folder: of its source, to which its media names may be relative.

        Raises:
            InputError: a medium has no features; the problem says why.
        """
        place = str(folder)
        uses: dict[Modality, list[MediaUse]] = dict.fromkeys(MODALITIES, _NO_USES)
        for modality, names in conversation.media.items():
            if names:
                uses[modality] = [self._find(name, modality, place) for name in names]
        brought = [False] * len(uses["video"]) if conversation.silent else self._add_soundtracks(uses)
        _require_places(conversation, [use for listed in uses.values() for use in listed])
        if any(brought) and not all(isinstance(message["content"], str) for message in conversation.messages):
            listed = len(uses["audio"]) - sum(brought)
            messages, order = with_soundtrack_places(conversation.messages, brought, listed)
            conversation = replace(conversation, messages=messages)
            uses["audio"] = [uses["audio"][at] for at in order]
        return JoinedConversation(conversation, tuple(use for modality in MODALITIES for use in uses[modality]))

    def _found(self, name: str, modality: Modality, folder: str) -> MediaUse:
        names = spellings(name, modality, Path(folder), self._media_folders)
        return MediaUse(self.stores.find(names, modality), portable_name(name))

    def _soundtrack_found(self, key: str) -> Medium | None:
        return self.stores.soundtrack(key)

    def _add_soundtracks(self, uses: dict[Modality, list[MediaUse]]) -> list[bool]:
        """Put each video's audio before the other audio: a place named in the messages keeps meaning the latter.

        Audio that is listed as audio anyway is marked there instead of doubled.

        Returns:
            For each video whether its audio was added.
        """
        if not uses["video"]:
            return []
        listed = {use.medium.identity for use in uses["audio"]}
        found = [self._soundtrack(video.medium.row.key) for video in uses["video"]]
        brought = [track is not None and track.identity not in listed for track in found]
        first_video = len(uses["image"]) + sum(brought) + len(uses["audio"])
        added: list[MediaUse] = []
        videos: dict[tuple[Modality, str], int] = {}
        for number, (video, track) in enumerate(zip(uses["video"], found, strict=True)):
            if track is not None:
                videos.setdefault(track.identity, first_video + number)
                added += [MediaUse(track, video.source, first_video + number)] * brought[number]
        own = [replace(use, soundtrack_of=videos.get(use.medium.identity)) for use in uses["audio"]]
        uses["audio"] = [*added, *own]
        return brought


def _require_places(conversation: Conversation, media: Sequence[MediaUse]) -> None:
    if all(isinstance(message["content"], str) for message in conversation.messages):
        return
    for modality in MODALITIES:
        present = sum(use.medium.row.modality == modality for use in media)
        places = placed_media(conversation.messages, modality)
        if places > present:
            raise InputError(f"its messages have {places} places for {modality}, but {present} are listed")


def spellings(name: str, modality: Modality, folder: Path, media_folders: MediaFolders | None) -> Iterator[str]:
    """Names under which a medium is looked for.

    Args:
        name: as given.
        modality: of the medium.
        folder: of the conversations, from which the name may be seen; this may tell equal names apart.
        media_folders: where files of that name may lie.
    """
    yield name
    yield posixpath.normpath(str(folder.absolute() / name))
    others = other_names(name, modality)
    yield from others
    if media_folders:
        yield from media_folders.names_in_stores([name, *others])
