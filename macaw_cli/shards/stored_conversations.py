"""The conversations of a dataset one after another, for whoever needs each of them once; the memory stays flat."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import TEXT, Fields, either, list_of
from macaw_cli.shards.dataset_lock import INDEX_NAME
from macaw_cli.shards.positioned_reads import PositionedReads
from macaw_cli.shards.training_rows import ROW, ConversationRow, row_from_json

_MESSAGE = Fields({"role": TEXT, "content": either(TEXT, list_of(Fields({"type": TEXT}, {"text": TEXT})))})
CONVERSATION = Fields({"messages": list_of(_MESSAGE)})
"""A conversation as a sample holds it; every other key of its source may be there."""


def stored_rows(folder: Path) -> Iterator[ConversationRow]:
    """The rows of the index.

    Raises:
        DamagedError: with the line that does not hold what macaw writes there.
    """
    return (row_from_json(content) for content in iterate_objects(folder / INDEX_NAME, ROW))


def stored_conversations(folder: Path) -> Iterator[tuple[ConversationRow, dict[str, Any]]]:
    """Every row of the index with the conversation that it names, in the order of the index.

    Raises:
        DamagedError: a shard is missing or cut, or holds something else than a conversation there.
    """
    reads = PositionedReads(folder)
    return ((row, read_conversation(reads, row, folder)) for row in stored_rows(folder))


def read_conversation(reads: PositionedReads, row: ConversationRow, folder: Path) -> dict[str, Any]:
    """The whole conversation as stored: canonical fields and every extra key of its source.

    Args:
        reads: of the dataset's folder.
        row: of its index.
        folder: the dataset's, for messages.

    Raises:
        DamagedError: the shard is missing or cut, or holds something else there.
    """
    where = f"{folder / row.shard}, conversation {row.id}"
    content = parse_json(reads.bytes(row.shard, row.offset, row.nbytes), where, DamagedError)
    conversation: dict[str, Any] = CONVERSATION.checked(content, where)
    return conversation
