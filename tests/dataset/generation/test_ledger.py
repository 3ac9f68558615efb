"""The ledger: what is in it survives, and nothing else is taken for a reply."""

import sqlite3
from pathlib import Path

import pytest

from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.dataset.generation.ledger import Ledger, Reply, Spent


def reply(name: str, cost: float = 0.5, text: str = "{}") -> Reply:
    return Reply(name, "model", "yes-no", "item", "[]", text, "stop", "", 10, 20, True, cost, 0.2, 1.0)


def test_the_first_reply_to_a_request_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record([reply("a")])
    ledger.record([reply("a", 9.0, "other")])
    ledger.close()
    again = Ledger(tmp_path)
    assert again.reply("a") == reply("a")
    assert again.reply("b") is None
    again.close()


def test_a_failure_is_no_reply(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(failures=[("a", "503")])
    assert ledger.reply("a") is None
    ledger.close()


def test_requests_without_a_reply_count_as_spent_until_the_reply_comes_or_they_were_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(sent=[("a", 1.0), ("b", 2.0), ("c", 4.0)])
    assert ledger.spent() == Spent(0, 0, 3, 7.0)
    ledger.record([reply("a")], failures=[("b", "400")], not_charged=["b"])
    assert ledger.spent() == Spent(1, 0.5, 1, 4.0)
    ledger.close()


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(DamagedError):
        Ledger(tmp_path)
    assert file.read_bytes() == b"not a database" * 100


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_text("kept")
    (tmp_path / "ledger.sqlite").symlink_to(foreign)
    with pytest.raises(InputError):
        Ledger(tmp_path)
    assert foreign.read_text() == "kept"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(MismatchError) as caught:
        Ledger(tmp_path)
    assert "99" in str(caught.value)
