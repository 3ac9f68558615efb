"""`macaw inspect DATASET --to FILE`: the conversations as JSONL or Parquet, as `datasets.load_dataset` reads them.

Every row has the same columns with the same types, so that a reader that infers types from the first rows is right
about all. Columns that no row uses are left out. What is written as JSONL is macaw's own format again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import atomic_path, jsonl_line
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.basics.errors import InputError, MissingDependencyError, UsageError
from macaw_cli.basics.extras import to_install
from macaw_cli.basics.owned_folders import require_apart, require_local
from macaw_cli.basics.working_files import kind_of
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.text.soundtrack_places import without_soundtrack_places
from macaw_cli.shards.dataset_lock import read_lock, require_whole
from macaw_cli.shards.stored_conversations import stored_conversations, stored_rows
from macaw_cli.shards.training_rows import ConversationRow

ENDINGS = (".jsonl", ".parquet")
ROWS_AT_ONCE = 2000
OPTIONAL = (*MODALITIES, "kind", "choices", "tags")


@dataclass(slots=True)
class Columns:
    """What the rows of a dataset need.

    Attributes:
        used: which of the optional columns at least one row has.
        parts: messages are lists of parts, as at least one of them names the place of a medium.
    """

    used: set[str] = field(default_factory=set)
    parts: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.used


def show_written(place: str, target: Path, *, as_json: bool) -> None:
    """Write all conversations of a dataset, and say so.

    Args:
        place: folder of the dataset.
        target: see `write_conversations`.
        as_json: print one JSON object instead of a line.

    Raises:
        As `write_conversations`.
    """
    count = write_conversations(Path(place), target)
    if as_json:
        console.result_json({"kind": "dataset", "path": place, "to": str(target), "conversations": count})
        return
    reader = "parquet" if target.suffix == ENDINGS[1] else "json"
    console.result(
        f"{counted(count, 'conversation')} written to {target}. In Python:"
        f" datasets.load_dataset({reader!r}, data_files={str(target)!r}, split='train')"
    )


def write_conversations(folder: Path, target: Path) -> int:
    """Write all conversations of a dataset.

    Args:
        folder: the dataset.
        target: a new file that ends in `.jsonl` or `.parquet`.

    Returns:
        How many there are.

    Raises:
        UsageError: another ending, or a URL.
        InputError: something is there already, or it would lie in the dataset.
        MissingDependencyError: pyarrow is missing.
        DamagedError: the dataset is not whole.
    """
    require_local(target)
    if target.suffix not in ENDINGS:
        hint = f"End its name in {' or '.join(ENDINGS)}."
        raise UsageError(f"--to writes JSONL or Parquet, not {target.name}.", hint)
    if found := kind_of(target):
        problem = f"{target} is there already ({found}), and macaw does not replace it."
        raise InputError(problem, "Name a new file, or remove it.")
    require_apart(target, [folder], "Name a file elsewhere with --to.")
    require_whole(folder, read_lock(folder))
    columns = _columns(folder)
    with disk_full_is_told(target.absolute().parent):
        return (_write_jsonl if target.suffix == ".jsonl" else _write_parquet)(folder, target, columns)


def _columns(folder: Path) -> Columns:
    columns = Columns()
    for row, conversation in stored_conversations(folder):
        columns.used |= {ref.modality for ref in row.media if ref.soundtrack_of is None}
        columns.used |= {name for name in ("kind", "choices", "tags") if getattr(row, name)}
        columns.used |= {"audio"} if "audio" in conversation else set()
        columns.parts |= any(not isinstance(message["content"], str) for message in conversation["messages"])
    return columns


def exported_row(row: ConversationRow, conversation: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """A conversation in canonical form, with the names of media as the source gave them.

    Args:
        row: of the index.
        conversation: as it is stored.
        columns: of the dataset.

    Returns:
        `id`, `split`, `messages`, and of the optional columns those that the dataset uses. A list of media is None
        where there are none of that modality; an empty one for audio says that a video's soundtrack is left out.
    """
    content: dict[str, Any] = {"id": row.id, "split": row.split}
    for modality in MODALITIES:
        if modality in columns:
            names = [ref.source or ref.key for ref in row.media
                     if ref.modality == modality and ref.soundtrack_of is None]  # fmt: skip
            content[modality] = names or ([] if conversation.get(modality) == [] else None)
    soundtracks = [ref.soundtrack_of is not None for ref in row.media if ref.modality == "audio"]
    written = without_soundtrack_places(conversation["messages"], soundtracks)
    messages = [{"role": one["role"], "content": one["content"]} for one in written]
    if columns.parts:
        messages = [{**one, "content": _as_parts(one["content"])} for one in messages]
    content["messages"] = messages
    others = {"kind": row.kind, "choices": row.choices, "tags": list(row.tags) or None}
    return content | {name: value for name, value in others.items() if name in columns}


def _as_parts(content: Any) -> list[dict[str, str]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _rows(folder: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    return (exported_row(row, conversation, columns) for row, conversation in stored_conversations(folder))


def _write_jsonl(folder: Path, target: Path, columns: Columns) -> int:
    """A row without a value leaves its column out; rows that have what no row before had come first.

    Readers look at the first megabytes to find the types of columns.
    """
    first = _first_with_each(folder, columns)
    count = 0
    with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        for wanted in (True, False):
            for number, row in enumerate(_rows(folder, columns)):
                if (number in first) == wanted:
                    count += 1
                    out.write(jsonl_line({name: value for name, value in row.items() if value is not None}))
                if wanted and count == len(first):
                    break
    return count


def _first_with_each(folder: Path, columns: Columns) -> set[int]:
    """The numbers of the first rows with each of the columns that may be empty."""
    missing, found = set(columns.used), set()
    for number, row in enumerate(stored_rows(folder)):
        has = {ref.modality for ref in row.media if ref.soundtrack_of is None}
        has |= {name for name in ("kind", "choices", "tags") if getattr(row, name)}
        if has & missing:
            missing -= has
            found.add(number)
        if not missing:
            break
    return found


def _write_parquet(folder: Path, target: Path, columns: Columns) -> int:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise MissingDependencyError(f"Writing {target} needs pyarrow.", to_install("hf")) from None
    texts = pa.list_(pa.string())
    part = pa.struct([("type", pa.string()), ("text", pa.string())])
    message = pa.struct([("role", pa.string()), ("content", pa.list_(part) if columns.parts else pa.string())])
    types = {"kind": pa.string(), "choices": texts, "tags": texts} | dict.fromkeys(MODALITIES, texts)
    fields = {"id": pa.string(), "split": pa.string(), **{name: types[name] for name in MODALITIES if name in columns},
              "messages": pa.list_(message), **{name: types[name] for name in OPTIONAL[len(MODALITIES):]
                                                if name in columns}}  # fmt: skip
    schema = pa.schema(list(fields.items()))
    count = 0
    with atomic_path(target) as temporary, ParquetWriter(temporary, schema) as out:
        rows = _rows(folder, columns)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            out.write_batch(pa.RecordBatch.from_pylist(some, schema))
            count += len(some)
    return count
