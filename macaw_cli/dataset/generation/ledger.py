"""The ledger: every request that was sent and every reply that came, in one SQLite file that outlives every crash.

A reply is committed before anything uses it, so that nothing is paid for twice. Requests are keyed by their hash; what
a rerun asks again is answered from here. A failure is written down for people to read, and is never an answer.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

from macaw_cli.basics.errors import DamagedError, MismatchError, ResourceError
from macaw_cli.basics.working_files import require_replaceable
from macaw_cli.dataset.generation.folder import LEDGER_FILES
from macaw_cli.dataset.generation.kept_reply import Reply, Spent

_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS replies (
    hash TEXT PRIMARY KEY, model TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, prompt TEXT NOT NULL,
    text TEXT NOT NULL, finish TEXT NOT NULL, refusal TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, counted INTEGER NOT NULL, cost REAL NOT NULL, seconds REAL NOT NULL,
    received REAL NOT NULL, estimate INTEGER NOT NULL, pairs INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (hash TEXT PRIMARY KEY, at REAL NOT NULL, bound REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (hash TEXT NOT NULL, at REAL NOT NULL, bound REAL NOT NULL);
CREATE TABLE IF NOT EXISTS failures (hash TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY, id TEXT NOT NULL, at REAL NOT NULL, requests INTEGER NOT NULL, collected INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_requests (
    hash TEXT PRIMARY KEY, token TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL,
    prompt TEXT NOT NULL, estimate INTEGER NOT NULL, pairs INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = 16


class Ledger:
    """The ledger of one folder; used by one thread at a time.

    Args:
        folder: in which its file is, or is made.

    Raises:
        InputError: a link or something else is in its place.
        DamagedError: the file is no SQLite database.
        MismatchError: a newer macaw wrote it.
    """

    def __init__(self, folder: Path) -> None:
        for name in LEDGER_FILES:
            require_replaceable(folder / name)
        self._path = path = folder / LEDGER_FILES[0]
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare()
            # a second connection, so that a look-up does not wait for a commit of the writing thread
            self._reader = sqlite3.connect(path, isolation_level=None)
        except sqlite3.OperationalError as error:  # such as: it is locked, or the disk is full
            self._database.close()
            raise ResourceError(f"{path} cannot be opened: {error}.", "Let other programs close it.") from error
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise _damaged(path, error) from error
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise MismatchError(
                f"{self._path} has format version {version}; this macaw reads up to {_VERSION}.", "Update macaw."
            )
        for table in ("replies", "sent", "failures"):
            columns = [row[1] for row in self._database.execute(f"PRAGMA table_info({table})")]
            if columns and "hash" not in columns:
                raise sqlite3.DatabaseError(f"its table {table} is not macaw's")
        self._database.executescript(_TABLES)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def reply(self, request: str) -> Reply | None:
        """The reply to a request, if one has come.

        Raises:
            DamagedError: the file is damaged.
        """
        try:
            row = self._reader.execute("SELECT * FROM replies WHERE hash = ?", (request,)).fetchone()
        except sqlite3.DatabaseError as error:
            raise _damaged(self._path, error) from error
        return _reply(row) if row else None

    def record(
        self,
        replies: Sequence[Reply] = (),
        sent: Sequence[tuple[str, float]] = (),
        failures: Sequence[tuple[str, str]] = (),
        lost: Sequence[tuple[str, float]] = (),
        over: Sequence[str] = (),
    ) -> None:
        """Write down what happened, in one transaction that is on the disk when this returns.

        Args:
            replies: that came; the first one to a request stays.
            sent: hash of each request, and what it costs at most in US dollars.
            failures: hash of each request, and why there is no reply.
            lost: hash and largest cost of each time that a request was sent and may be charged without a reply.
            over: hashes of requests that are not under way any more.

        Raises:
            ResourceError: the disk is full or cannot be written.
        """
        now = time.time()
        marks = ",".join("?" * _COLUMNS)
        with self.transaction():
            if sent:
                rows = [(request, now, bound) for request, bound in sent]
                self._database.executemany("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", rows)
            if replies:
                values = [astuple(reply) for reply in replies]
                self._database.executemany(f"INSERT OR IGNORE INTO replies VALUES ({marks})", values)
                self._database.executemany("DELETE FROM sent WHERE hash = ?", [(reply.hash,) for reply in replies])
            if failures:
                written = [(request, now, reason) for request, reason in failures]
                self._database.executemany("INSERT INTO failures VALUES (?, ?, ?)", written)
            if lost:
                self._database.executemany(
                    "INSERT INTO lost VALUES (?, ?, ?)", [(request, now, bound) for request, bound in lost]
                )
            if over:
                self._database.executemany("DELETE FROM sent WHERE hash = ?", [(request,) for request in over])

    def settle_leftovers(self) -> None:
        """Count what a killed run had under way as lost; call it before anything is sent. Batches stay under way.

        Raises:
            ResourceError: the ledger cannot be written.
        """
        leftover = "hash NOT IN (SELECT hash FROM batch_requests JOIN batches USING (token) WHERE collected = 0)"
        with self.transaction() as database:
            database.execute(f"INSERT INTO lost SELECT hash, at, bound FROM sent WHERE {leftover}")
            database.execute(f"DELETE FROM sent WHERE {leftover}")

    def spent(self) -> Spent:
        """What all runs with this ledger have cost."""
        requests, cost = self._database.execute("SELECT COUNT(*), COALESCE(SUM(cost), 0) FROM replies").fetchone()
        open_, bound = self._database.execute(
            "SELECT COUNT(*), COALESCE(SUM(bound), 0) FROM (SELECT bound FROM sent UNION ALL SELECT bound FROM lost)"
        ).fetchone()
        return Spent(requests, cost, open_, bound)

    def mean_tokens(self, model: str, kind: str, pairs: int) -> tuple[int, float, float]:
        """Of earlier replies of a model to requests for so many pairs of a kind.

        Returns:
            Their number, the mean of the prompt's tokens over macaw's own count, and the mean completion tokens.
        """
        found = self._database.execute(
            "SELECT COUNT(*), COALESCE(AVG(1.0 * prompt_tokens / estimate), 0), COALESCE(AVG(completion_tokens), 0)"
            " FROM replies WHERE model = ? AND kind = ? AND pairs = ? AND counted AND estimate > 0",
            (model, kind, pairs),
        ).fetchone()
        return int(found[0]), float(found[1]), float(found[2])

    def mean_seconds(self, model: str) -> float | None:
        """Mean seconds of a model's replies; None without any."""
        (found,) = self._database.execute("SELECT AVG(seconds) FROM replies WHERE model = ?", (model,)).fetchone()
        return None if found is None else float(found)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What the block does is on the disk when it ends, or none of it is.

        Raises:
            ResourceError: the disk is full or cannot be written.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database
            self._database.execute("COMMIT")
        except BaseException as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if not isinstance(error, sqlite3.OperationalError):
                raise
            raise ResourceError(
                f"{self._path} cannot be written: {error}.", "Make room on the disk, then run the same command again."
            ) from error


def _damaged(path: Path, error: sqlite3.DatabaseError) -> DamagedError:
    hint = "It holds replies that were paid for: restore it from a copy."
    return DamagedError(f"{path} is damaged: {error}.", hint)


def _reply(row: tuple[object, ...]) -> Reply:
    values: list[object] = list(row)
    values[10] = bool(values[10])
    return Reply(*values)  # type: ignore[arg-type]
