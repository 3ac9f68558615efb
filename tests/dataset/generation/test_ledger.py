"""The ledger: what is in it survives, and nothing else is taken for a reply."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.dataset.generation.kept_reply import Reply, Spent
from macaw_cli.dataset.generation.ledger import Ledger


def reply(name: str, cost: float = 0.5, text: str = "{}") -> Reply:
    return Reply(name, "model", "yes-no", "item", "[]", text, "stop", "", 10, 20, True, cost, 0.2, 1.0, 8, 5)


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


def test_requests_without_a_reply_count_as_spent_until_they_are_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(sent=[("a", 1.0), ("b", 2.0), ("c", 4.0)])
    assert ledger.spent() == Spent(0, 0, 3, 7.0)
    ledger.record([reply("a")], failures=[("b", "400")], over=["b"])
    assert ledger.spent() == Spent(1, 0.5, 1, 4.0)
    ledger.close()


def test_what_a_killed_run_had_under_way_stays_counted_when_it_is_asked_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(sent=[("a", 1.0)])
    ledger.settle_leftovers()
    ledger.record(sent=[("a", 1.0)])
    ledger.record([reply("a")])
    assert ledger.spent() == Spent(1, 0.5, 1, 1.0)
    ledger.close()


def test_an_attempt_that_may_be_charged_stays_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(sent=[("a", 1.0)], lost=[("a", 1.0)])
    ledger.record(failures=[("a", "timeout")], over=["a"])
    assert ledger.spent() == Spent(0, 0, 1, 1.0)
    ledger.close()


def test_means_are_of_requests_for_as_many_pairs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record([reply("a"), reply("b")])
    assert ledger.mean_tokens("model", "yes-no", 5) == (2, 1.25, 20)
    assert ledger.mean_tokens("model", "yes-no", 10)[0] == 0
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


def test_a_database_of_another_program_is_told_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.executescript("CREATE TABLE replies (letter TEXT); INSERT INTO replies VALUES ('Dear Sir');")
    with pytest.raises(DamagedError, match="replies"):
        Ledger(tmp_path)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("replies",)]
