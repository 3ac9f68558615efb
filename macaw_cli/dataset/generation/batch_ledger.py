"""Batches of the OpenAI Batch API in the ledger: which requests each one holds, and whether it was collected."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from macaw_cli.dataset.generation.ledger import Ledger


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch."""

    hash: str
    model: str
    kind: str
    item: str
    prompt: str
    """The messages as JSON, media left out."""
    estimate: int
    """Tokens of the prompt as macaw counts them."""
    pairs: int
    """That are asked for."""


class BatchLedger:
    """The batches of one ledger.

    A batch is written down under a token of ours before the API creates it, so that a kill in between loses nothing:
    the token stands in the batch's metadata, by which it is found again.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def begin(self, token: str, requests: Sequence[tuple[BatchRequest, float]]) -> None:
        """A batch is about to be created.

        Args:
            token: of the batch.
            requests: with what each costs at most, in US dollars.
        """
        self._ledger.record(sent=[(request.hash, bound) for request, bound in requests])
        rows = [
            (one.hash, token, one.model, one.kind, one.item, one.prompt, one.estimate, one.pairs)
            for one, _ in requests
        ]
        with self._ledger.transaction() as database:
            database.execute("INSERT INTO batches VALUES (?, '', ?, ?, 0)", (token, time.time(), len(rows)))
            database.executemany("INSERT OR REPLACE INTO batch_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def created(self, token: str, batch: str) -> None:
        """The API has created it under this id."""
        with self._ledger.transaction() as database:
            database.execute("UPDATE batches SET id = ? WHERE token = ?", (batch, token))

    def forget(self, token: str) -> None:
        """The API has never created it."""
        with self._ledger.transaction() as database:
            mine = "SELECT hash FROM batch_requests WHERE token = ?"
            database.execute(f"DELETE FROM sent WHERE hash IN ({mine})", (token,))
            database.execute("DELETE FROM batch_requests WHERE token = ?", (token,))
            database.execute("DELETE FROM batches WHERE token = ?", (token,))

    def collected(self, token: str) -> None:
        """Everything that came of it is in the ledger; requests that it did not answer are not charged."""
        with self._ledger.transaction() as database:
            mine = "SELECT hash FROM batch_requests WHERE token = ?"
            database.execute(f"DELETE FROM sent WHERE hash IN ({mine})", (token,))
            database.execute("UPDATE batches SET collected = 1 WHERE token = ?", (token,))

    def open(self) -> list[tuple[str, str, int]]:
        """Token, id (empty where the API may not have created it) and number of requests of all not yet collected."""
        with self._ledger.transaction() as database:
            rows: Iterable[tuple[str, str, int]] = database.execute(
                "SELECT token, id, requests FROM batches WHERE collected = 0 ORDER BY at, token"
            )
            return list(rows)

    def pending(self) -> set[str]:
        """Hashes of the requests in batches that are not yet collected."""
        with self._ledger.transaction() as database:
            rows = database.execute(
                "SELECT hash FROM batch_requests JOIN batches USING (token) WHERE collected = 0"
            )
            return {row[0] for row in rows}

    def request(self, request: str) -> BatchRequest | None:
        """A request that a batch holds."""
        with self._ledger.transaction() as database:
            row = database.execute(
                "SELECT hash, model, kind, item, prompt, estimate, pairs FROM batch_requests WHERE hash = ?", (request,)
            ).fetchone()
        return BatchRequest(*row) if row else None


def jsonl_parts(lines: Iterable[tuple[int, str]], most_lines: int, most_bytes: int) -> Iterator[list[tuple[int, str]]]:
    """Lines in parts that keep within the upload limits of the API.

    Args:
        lines: number of a request and its line without the newline.
        most_lines: of a part.
        most_bytes: of a part.
    """
    part: list[tuple[int, str]] = []
    size = 0
    for number, line in lines:
        nbytes = len(line.encode()) + 1
        if part and (len(part) == most_lines or size + nbytes > most_bytes):
            yield part
            part, size = [], 0
        part.append((number, line))
        size += nbytes
    if part:
        yield part


def request_line(name: str, body: dict[str, object]) -> str:
    """The line of one request in a batch file."""
    content = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(content, ensure_ascii=False)


