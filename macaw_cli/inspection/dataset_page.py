"""`macaw inspect DATASET --html`: one page, that needs no other file, of what a dataset holds and what it left out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import cut
from macaw_cli.inspection.dataset_media import ShownMedia
from macaw_cli.inspection.dataset_rejects import generation_folder, rejected_replies
from macaw_cli.inspection.datasets import describe_dataset
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.reports.drawing import PALETTE, Plot, drawn
from macaw_cli.reports.page import EmbeddedFile, write_page
from macaw_cli.reports.tables import Table
from macaw_cli.reports.text_figures import NO_KIND, TextLengths, message_text
from macaw_cli.shards.stored_conversations import stored_conversations
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import SPLITS, ConversationRow

SAMPLES = 3
"""Conversations of each kind that are shown unless another number is asked for."""
MOST_KINDS = 40
MOST_EMBEDDED = 3_000_000
"""Bytes of media in a page."""
MEDIA_SHOWN = 4
"""Of one conversation."""
TURNS_SHOWN = 6
LONGEST_TEXT = 600
REPLIES_SHOWN = 30
BARS = 40


@dataclass(frozen=True, slots=True)
class Sample:
    """A conversation as a card of a page."""

    id: str
    split: str
    media: list[tuple[str, list[EmbeddedFile], str]]
    """Name, what is embedded, and a note, of each medium."""
    turns: list[tuple[str, str]]
    """Role and text of each message."""
    left: str
    """How many media and messages are not shown."""


def write_dataset_page(folder: Path, target: Path, samples: int | None) -> None:
    """Write the page of a dataset, whole or not at all.

    Args:
        folder: the dataset.
        target: the page.
        samples: conversations of each kind that are shown, evenly spread; None is a few.

    Raises:
        InputError: the page cannot be written there.
        MismatchError: a newer macaw wrote the dataset.
        DamagedError: the dataset is not whole.
    """
    dataset, description = TrainingDataset(folder), describe_dataset(folder)
    kinds = _spread(dataset, samples or SAMPLES)
    total = sum(map(len, kinds.values()))
    keys = {ref.key for rows in kinds.values() for row in rows for ref in row.media}
    generation = generation_folder(folder, dataset.info)
    replies = list(islice(rejected_replies(generation), REPLIES_SHOWN)) if generation else []
    try:
        with console.progress("Drawing the page", total, "conversations") as advance, DecoderPool() as pool:
            media = ShownMedia(folder, dataset.info, keys, pool, MOST_EMBEDDED)
            write_page(
                target,
                "dataset",
                title=f"{folder.absolute().name}: what is in this dataset",
                lead=_lead(description.facts),
                facts=list(description.lines.items()),
                tables=[_in_words(table) for table in description.tables],
                plots=drawn(_plots(folder)),
                sections=((kind, _samples(dataset, rows, media, advance)) for kind, rows in kinds.items()),
                replies=[(reply, cut(reply.text, LONGEST_TEXT)) for reply in replies],
            )
    except OSError as error:
        problem = f"The page {target} cannot be written: {error.strerror}."
        raise InputError(problem, "Name another place with --out.") from None


def _lead(facts: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in facts["conversations"].items())
    return f"Conversations: {counts}. {counted(facts['shards'], 'shard')}, {human_bytes(facts['bytes'])}."


def _in_words(table: Table) -> Table:
    return Table(table.title, table.columns, table.rows, words=table.title == "Rejected rows")


def _spread(dataset: TrainingDataset, count: int) -> dict[str, list[ConversationRow]]:
    """Of each kind evenly spread conversations; the most frequent kinds where there are too many."""
    rows: defaultdict[str, list[ConversationRow]] = defaultdict(list)
    for split in SPLITS:
        for row in dataset.conversations(split):
            rows[row.kind or NO_KIND].append(row)
    frequent = sorted(rows, key=lambda kind: -len(rows[kind]))[:MOST_KINDS]
    return {kind: [rows[kind][at] for at in _places(len(rows[kind]), count)] for kind in sorted(frequent)}


def _places(total: int, count: int) -> list[int]:
    return [number * total // min(total, count) for number in range(min(total, count))]


def _samples(
    dataset: TrainingDataset, rows: list[ConversationRow], media: ShownMedia, advance: console.Advance
) -> Iterator[Sample]:
    for row in rows:
        messages = dataset.messages(row)
        shown = [(ref.source or ref.key, *media.of(ref)) for ref in row.media[:MEDIA_SHOWN]]
        left = [counted(len(row.media) - MEDIA_SHOWN, "medium", "media")] if len(row.media) > MEDIA_SHOWN else []
        left += [counted(len(messages) - TURNS_SHOWN, "message")] if len(messages) > TURNS_SHOWN else []
        turns = [(one["role"], cut(message_text(one), LONGEST_TEXT)) for one in messages[:TURNS_SHOWN]]
        yield Sample(row.id, row.split, shown, turns, " and ".join(left))
        advance(1, "")


def _plots(folder: Path) -> list[Plot]:
    lengths = TextLengths()
    for _, conversation in stored_conversations(folder):
        lengths.add(conversation["messages"])
    named = (("instructions", "Length of questions", lengths.instructions, PALETTE[0]),
             ("responses", "Length of answers", lengths.responses, PALETTE[2]))  # fmt: skip
    return [_histogram(*one) for one in named if one[2]]


def _histogram(name: str, title: str, lengths: Counter[int], colour: str) -> Plot:
    width = max(1, -(-(max(lengths) + 1) // BARS))
    bars: Counter[int] = Counter()
    for words, count in lengths.items():
        bars[words // width * width] += count

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.bar([at + (width - 1) / 2 for at in bars], list(bars.values()), width * 0.9, color=colour)
        axes.set_xlabel("words")
        axes.set_ylabel("messages")

    mean = sum(words * count for words, count in lengths.items()) / lengths.total()
    return Plot(name, title, f"Mean {mean:.1f} words, longest {max(lengths):,}.", draw, 2.4)
