"""The ledger: every request that was sent and every reply that came, in one SQLite file that outlives every crash.

A reply is committed before anything uses it, so that nothing is paid for twice. Requests are keyed by their hash; what
a rerun asks again is answered from here. A failure is written down for people to read, and is never an answer.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from macaw_cli.basics.errors import DamagedError, MismatchError, ResourceError
from macaw_cli.basics.working_files import require_replaceable
from macaw_cli.dataset.generation.folder import LEDGER_FILES

_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS replies (
    hash TEXT PRIMARY KEY, model TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, prompt TEXT NOT NULL,
    text TEXT NOT NULL, finish TEXT NOT NULL, refusal TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, counted INTEGER NOT NULL, cost REAL NOT NULL, seconds REAL NOT NULL,
    received REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (hash TEXT PRIMARY KEY, at REAL NOT NULL, bound REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (hash TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY, id TEXT NOT NULL, at REAL NOT NULL, requests INTEGER NOT NULL, collected INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_requests (
    hash TEXT PRIMARY KEY, token TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, prompt TEXT NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = 14


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, as it is kept."""

    hash: str
    model: str
    kind: str
    item: str
    prompt: str
    """The messages as JSON, media left out."""
    text: str
    finish: str
    """`finish_reason` of the API."""
    refusal: str
    prompt_tokens: int
    completion_tokens: int
    counted: bool
    """The API reported the tokens; otherwise they are an estimate."""
    cost: float
    """US dollars."""
    seconds: float
    received: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the ledger adds up to."""

    requests: int
    cost: float
    """US dollars, of replies that came."""
    unanswered: int
    """Requests that were sent and have no reply, as after a kill; they may have been charged."""
    unanswered_cost: float
    """What these cost at most, in US dollars."""


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
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise DamagedError(
                f"{path} is damaged: {error}.", "It holds replies that were paid for: restore it from a copy."
            ) from error
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
        self._database.executescript(_TABLES)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def reply(self, request: str) -> Reply | None:
        """The reply to a request, if one has come."""
        row = self._reader.execute("SELECT * FROM replies WHERE hash = ?", (request,)).fetchone()
        return _reply(row) if row else None

    def record(
        self,
        replies: Sequence[Reply] = (),
        sent: Sequence[tuple[str, float]] = (),
        failures: Sequence[tuple[str, str]] = (),
        not_charged: Sequence[str] = (),
    ) -> None:
        """Write down what happened, in one transaction that is on the disk when this returns.

        Args:
            replies: that came; the first one to a request stays.
            sent: hash of each request, and what it costs at most in US dollars.
            failures: hash of each request, and why there is no reply.
            not_charged: hashes of requests that certainly cost nothing, as the server refused them.

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
            if not_charged:
                self._database.executemany("DELETE FROM sent WHERE hash = ?", [(request,) for request in not_charged])

    def spent(self) -> Spent:
        """What all runs with this ledger have cost."""
        requests, cost = self._database.execute("SELECT COUNT(*), COALESCE(SUM(cost), 0) FROM replies").fetchone()
        open_, bound = self._database.execute("SELECT COUNT(*), COALESCE(SUM(bound), 0) FROM sent").fetchone()
        return Spent(requests, cost, open_, bound)

    def mean_tokens(self, model: str, kind: str) -> tuple[int, float, float]:
        """Of earlier replies of a model to requests of a kind: their number, mean prompt and completion tokens."""
        found = self._database.execute(
            "SELECT COUNT(*), COALESCE(AVG(prompt_tokens), 0), COALESCE(AVG(completion_tokens), 0) FROM replies"
            " WHERE model = ? AND kind = ? AND counted",
            (model, kind),
        ).fetchone()
        return int(found[0]), float(found[1]), float(found[2])

    def mean_seconds(self, model: str) -> float | None:
        """Mean seconds of a model's replies; None without any."""
        (found,) = self._database.execute("SELECT AVG(seconds) FROM replies WHERE model = ?", (model,)).fetchone()
        return None if found is None else float(found)

    def replies(self) -> Iterator[Reply]:
        """Every reply, in the order of hashes."""
        for row in self._database.execute("SELECT * FROM replies ORDER BY hash"):
            yield _reply(row)

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
        except sqlite3.OperationalError as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise ResourceError(
                f"{self._path} cannot be written: {error}.", "Make room on the disk, then run the same command again."
            ) from error


def _reply(row: tuple[object, ...]) -> Reply:
    values: list[object] = list(row)
    values[10] = bool(values[10])
    return Reply(*values)  # type: ignore[arg-type]
