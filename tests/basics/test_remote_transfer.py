import fsspec
import pytest

from macaw_cli.basics import remote_files
from macaw_cli.basics.remote_transfer import send

MEMORY = type(fsspec.filesystem("memory"))


def test_a_file_that_becomes_longer_while_it_is_sent_has_arrived(tmp_path, monkeypatch):
    file, sent = tmp_path / "journal.jsonl", MEMORY.put_file
    file.write_text("row\n")

    def growing(self, here, there, **options):
        sent(self, here, there, **options)
        with file.open("a") as journal:
            journal.write("another\n")

    monkeypatch.setattr(MEMORY, "put_file", growing)
    send(file, "memory://growing/journal.jsonl")
    assert fsspec.filesystem("memory").cat_file("/growing/journal.jsonl") == b"row\n"


def test_a_file_of_which_a_part_arrived_has_not(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_files, "_FIRST_PAUSE_S", 0.0)
    (tmp_path / "a.tar").write_bytes(b"12345")
    monkeypatch.setattr(MEMORY, "put_file", lambda self, here, there, **_: self.pipe_file(there, b"123"))
    with pytest.raises(OSError, match="3 bytes arrived of 5"):
        send(tmp_path / "a.tar", "memory://cut/a.tar")
