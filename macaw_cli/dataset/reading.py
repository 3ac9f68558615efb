"""All sources, row by row: checked, joined with features, and put on disk with the numbers that decide their places."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from macaw_cli.basics.atomic_files import jsonl_line
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.feature_join import JoinedConversation, Joiner
from macaw_cli.dataset.filtering import canonical_row, require_passing
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.rejects_log import RejectsLog, Section
from macaw_cli.dataset.scratch.columns import ColumnWriter, read_column
from macaw_cli.dataset.scratch.media_table import MediaTable
from macaw_cli.dataset.scratch.records import RecordReader, RecordWriter
from macaw_cli.dataset.scratch.spooled import Spooled, Use, read_spooled, spooled
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.sources import read_conversations
from macaw_cli.dataset.splitting import text_rank
from macaw_cli.dataset.unread_keys import UnreadKeys
from macaw_cli.reports.text_figures import message_words

SPOOL = "conversations.records"
ASIDE = "drawn.records"
JUDGED = "judged.jsonl"
COLUMNS = {
    "offset": "Q", "length": "I", "json": "I", "set": "I", "source": "I", "kind": "I", "asked": "B", "plain": "B",
    "rank": "Q", "draw": "Q", "turns": "I", "instruction_words": "I", "response_words": "I",
}  # fmt: skip
"""Of each conversation: its record; length of its JSON without names of media; number of its set of media (0 is text
alone), of its source and of its kind; the side it asks for; whether it names each of its media once; of text alone its
`text_rank`; a random number of its own; how many questions it has, and the words in them and in their answers."""
ASKED = {None: 0, "train": 1, "val": 2}
"""The side that a row asks for as a number."""


@dataclass(frozen=True, slots=True)
class _Out:
    """A conversation that is left out."""

    section: Section
    reject: Reject


class Reading:
    """The conversations of all sources, on their way to the disk.

    Args:
        folder: of macaw's own, for the files.
        joiner: finds features.
        chain: the chosen filters; those that have to see all conversations are applied later (`judging`).
        seed: of the build.

    Attributes:
        media: all media.
        sets: each set of media that occurs together, by number; the first is the empty one.
        kinds: the kinds of conversations, by number; the first is none.
        rejects: what cannot be used.
        judged: a line of JSON for each conversation in canonical form, where a filter has to see all of them.
        spool: the conversations.
    """

    def __init__(self, folder: Path, joiner: Joiner, chain: FilterChain, seed: int) -> None:
        self._joiner, self._chain, self._seed = joiner, chain, seed
        self.spool = RecordWriter(folder / SPOOL)
        self.judged = RecordWriter(folder / JUDGED)
        self._aside = RecordWriter(folder / ASIDE)
        self._columns = ColumnWriter(folder, COLUMNS)
        self._unread = UnreadKeys()
        self.media = MediaTable(folder)
        self.sets: dict[frozenset[int], int] = {frozenset(): 0}
        self.kinds: dict[str, int] = {"": 0}
        self.rejects = RejectsLog(folder)

    def read(self, sources: Sequence[Source]) -> None:
        """Read all `sources`, and write to the disk what is still in memory.

        Raises:
            InputError: a source or a feature store cannot be read.
            DamagedError: a feature store is incomplete.
            MismatchError: the feature stores do not belong together.
        """
        for source in sources:
            self._read(source)
        for file in (self.spool, self.judged, self._columns, self.media):
            file.flush()
        if unread := self._unread.warning():
            say(unread)

    def close(self) -> None:
        """Close all files."""
        for file in (self.spool, self.judged, self._aside, self._columns, self.media, self.rejects):
            file.close()

    def _read(self, source: Source) -> None:
        taken = 0
        last: Conversation | None = None
        outcome: tuple[int, ...] | _Out = ()
        passes = partial(require_passing, chain=self._chain)
        for found in read_conversations(source, self._seed, self._aside, passes):
            if isinstance(found, Reject):
                self.rejects.add("read", found)
                continue
            taken += 1
            if found is not last:  # `#N+` repeats a conversation right behind itself
                last, outcome = found, self._kept(found, source.path.parent)
                self._unread.add(found)
            if isinstance(outcome, _Out):
                self.rejects.add(outcome.section, outcome.reject)
            else:
                self._columns.add(*outcome)
        if source.items and source.count and taken < source.count:
            say(
                f"{source.name} has {taken} usable conversations, but {source.count} were requested. All of them "
                "are used.",
            )

    def _kept(self, given: Conversation, folder: Path) -> tuple[int, ...] | _Out:
        """The row of the columns."""
        self._joiner.open_for(given)
        try:
            joined = self._joiner.join(given, folder)
        except InputError as error:
            if type(error) is not InputError:  # a store is damaged
                raise
            return _Out("join", Reject(given.origin, "media have features", error.problem, given.id))
        if self._chain.needs_order and (removal := self._chain.reason_in_order(canonical_row(given))):
            return _Out("order", Reject(given.origin, *removal, given.id))
        if self._chain.needs_all:
            self.judged.add(jsonl_line(canonical_row(given)).encode())
        uses = tuple(self._uses(joined))
        media = frozenset(use.medium for use in uses)
        record, json_bytes = spooled(joined.conversation, uses)
        place, words = self.spool.add(record), message_words(given.messages)
        return (
            *place, json_bytes, self.sets.setdefault(media, len(self.sets)), given.origin.source,
            self.kinds.setdefault(given.kind or "", len(self.kinds)), ASKED[given.split], len(media) == len(uses),
            0 if media else text_rank(_text(given), self._seed),
            text_rank(f"mix/{given.origin.source}/{given.origin.row}", self._seed),
            len(words.instructions), sum(words.instructions), sum(words.responses),
        )  # fmt: skip

    def _uses(self, joined: JoinedConversation) -> Iterator[Use]:
        for use in joined.media:
            yield Use(self.media.number(use.medium), use.source, use.soundtrack_of)


def records_of(folder: Path, rows: np.ndarray) -> Iterator[Spooled]:
    """Some of the conversations, by their numbers."""
    offsets, lengths = read_column(folder, "offset", np.uint64), read_column(folder, "length", np.uint32)
    with closing(RecordReader(folder / SPOOL)) as reader:
        for row in rows.tolist():
            yield read_spooled(reader.read((int(offsets[row]), int(lengths[row]))))


def _text(given: Conversation) -> str:
    return hashlib.sha256(json.dumps(given.messages).encode()).hexdigest()
