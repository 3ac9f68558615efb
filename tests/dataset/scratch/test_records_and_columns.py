"""Records and columns of a build, as they wait on disk."""

import numpy as np
import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.dataset.conversations import Origin, checked_conversation
from macaw_cli.dataset.scratch import columns, records
from macaw_cli.dataset.scratch.spooled import Use, read_spooled, spooled


def test_records_are_read_before_and_after_the_file_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "BUFFER_BYTES", 10)
    writer = records.RecordWriter(tmp_path / "r")
    places = [writer.add(bytes([number]) * number) for number in range(9)]
    assert [writer.read(place) for place in places] == [bytes([number]) * number for number in range(9)]
    writer.close()
    reader = records.RecordReader(tmp_path / "r")
    assert reader.read(places[5]) == bytes([5]) * 5
    with pytest.raises(DamagedError):
        reader.read((30, 100))
    reader.close()


def test_columns_are_read_whole_in_part_and_in_another_order(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "ROWS_AT_ONCE", 3)
    writer = columns.ColumnWriter(tmp_path, {"a": "B", "b": "Q"})
    for number in range(8):
        writer.add(number, 2**40 + number)
    writer.flush()
    writer.close()
    assert columns.read_column(tmp_path, "a", np.uint8).tolist() == list(range(8))
    assert columns.read_rows(tmp_path, "b", np.uint64, 2, 4).tolist() == [2**40 + 2, 2**40 + 3]
    order = np.array([7, 0, 3, 3, 1])
    columns.write_column(tmp_path, "c", columns.in_order(columns.read_column(tmp_path, "a", np.uint8), order))
    assert columns.read_column(tmp_path, "c", np.uint8).tolist() == order.tolist()


def test_a_conversation_comes_back_from_its_record():
    messages = [{"role": "user", "content": "Wer? ü"}, {"role": "assistant", "content": "Ich."}]
    row = {"id": 'a"b', "messages": messages, "kind": "k", "choices": ["Ich.", "Du."], "tags": ["x", 3], "audio": []}
    uses = (Use(3, "a.png", None), Use(5, "b.wav", 0))
    record, length = spooled(checked_conversation(row, Origin(2, "c.jsonl", 7)), uses)
    found = read_spooled(record)
    assert (found.source, found.row, found.id, found.kind, found.tags) == (2, 7, 'a"b', "k", ("x",))
    assert found.uses == uses and found.choices == ["Ich.", "Du."]
    assert length == len(found.before_media) + len(found.behind_media)
    assert found.before_media == b'{"id":"a\\"b"'
    assert found.behind_media.startswith(b',"audio":[],"messages":[')
