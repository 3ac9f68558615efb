"""`near-duplicates`: the same conversation in other words, found by MinHash (Broder, 1997) and compared exactly.

Each conversation is a set of shingles, its content words. Bands of a MinHash signature name the earlier ones that are
likely to be similar; their shingles are compared. All of it is in a scratch database on disk, so that memory does not
grow with the dataset.
"""

import hashlib
import weakref
from array import array
from functools import cached_property
from typing import Any

import numpy as np

from macaw_cli.basics.scratch_database import scratch_database
from macaw_cli.config.filters.near_duplicates import NearDuplicatesSettings
from macaw_cli.dataset.filters.content_words import content_words, words
from macaw_cli.dataset.filters.conversation_texts import answers, media_of, questions, turns
from macaw_cli.dataset.filters.filter import Row, Surroundings

PERMUTATIONS = 192
MISSED = 0.005
"""Share of pairs, as similar as the threshold says, whose signatures may agree in no band."""
MOST_COMPARED = 100
"""Earlier conversations that are compared at most, those first with which most bands agree."""
_TABLES = """
PRAGMA cache_size = -100000;
CREATE TABLE bands (hash INTEGER, number INTEGER, PRIMARY KEY (hash, number)) WITHOUT ROWID;
CREATE TABLE conversations (number INTEGER PRIMARY KEY, id TEXT, shingles BLOB);
"""


class NearDuplicatesFilter:
    """Drops conversations that share most of their content words with an earlier one."""

    def __init__(self, settings: NearDuplicatesSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._settings = settings
        self._rows = rows_per_band(settings.threshold)
        bands = PERMUTATIONS // self._rows
        draw = np.random.default_rng(0)
        self._factors = draw.integers(1 << 63, size=(bands, self._rows), dtype=np.uint64) | np.uint64(1)
        self._offsets = draw.integers(1 << 63, size=bands, dtype=np.uint64)
        self._database = scratch_database(_TABLES)
        weakref.finalize(self, self._database.close)
        marks = ", ".join("?" * bands)
        self._similar = (
            "SELECT id, shingles FROM (SELECT number, COUNT(*) AS agreeing FROM bands"
            f" WHERE hash IN ({marks}) GROUP BY number ORDER BY agreeing DESC, number LIMIT {MOST_COMPARED})"
            " JOIN conversations USING (number) ORDER BY agreeing DESC, number"
        )
        self._count = 0

    def reason_in_order(self, row: Row) -> str:
        """Which earlier conversation is similar, and how much."""
        shingles = shingles_of(row, self._settings.shingle)
        hashes = self._band_hashes(row, shingles)
        for name, stored in self._database.execute(self._similar, hashes):
            found = similarity(shingles, set(array("I", stored)))
            if found >= self._settings.threshold:
                return f"shares {found:.0%} of its words with {name or 'an earlier conversation'}"
        kept = (self._count, str(row.get("id") or ""), array("I", sorted(shingles)).tobytes())
        self._database.execute("INSERT INTO conversations VALUES (?, ?, ?)", kept)
        pairs = [(one, self._count) for one in hashes]
        self._database.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", pairs)
        self._count += 1
        return ""

    @cached_property
    def _empty(self) -> Any:
        from datasketch import MinHash

        return MinHash(PERMUTATIONS, seed=1, hashfunc=int, scheme="affine32")

    def _band_hashes(self, row: Row, shingles: set[int]) -> list[int]:
        """A number per band of the signature; different for different media where those are to be kept apart."""
        sketch = self._empty.copy()
        sketch.update_batch(sorted(shingles))
        signature = sketch.hashvalues[: self._factors.size].astype(np.uint64).reshape(self._factors.shape)
        hashes = (signature * self._factors).sum(axis=1, dtype=np.uint64) + self._offsets
        if self._settings.within == "medium":
            hashes ^= np.uint64(_digest(repr(media_of(row)), 8))
        return [int(one) for one in hashes.view(np.int64)]


def rows_per_band(threshold: float) -> int:
    """The longest bands, which name the fewest others in vain, that still miss few pairs at the threshold."""
    fits = [
        rows for rows in range(1, 33) if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= MISSED
    ]  # fmt: skip
    return max(fits, default=1)


def shingles_of(row: Row, size: int) -> set[int]:
    """Hashes of `size` consecutive content words each, of 32 bits; of texts without any, of all words or the text.

    Words that an answer brings beyond its question are other words than those of a question: that cold is the opposite
    of hot is not that hot is the opposite of cold.
    """
    texts = [*questions(row), *answers(row)]
    found = [word for question, answer in turns(row) for word in _told(question, answer)]
    found = found or [word for text in texts for word in words(text)] or [" ".join(" ".join(texts).split())]
    grams = (" ".join(found[start : start + size]) for start in range(max(1, len(found) - size + 1)))
    return {_digest(gram, 4) for gram in grams}


def _told(question: str, answer: str) -> list[str]:
    asked = content_words(question)
    known = set(asked)
    return asked + [word if word in known else f"answer {word}" for word in content_words(answer)]


def similarity(one: set[int], other: set[int]) -> float:
    """The share of all shingles that both have (Jaccard)."""
    return len(one & other) / (len(one | other) or 1)


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest())
