"""What the `near-duplicates` filter finds of planted near-duplicates, what it takes for one, and how fast it is.

    python benchmarks/near_duplicates.py

A pair counts as found where the second conversation is dropped after the first. False positives are counted among the
pairs that only look alike, and among all conversations of a dataset without near-duplicates.
"""

import json
import time
from collections import Counter, defaultdict
from typing import Any

from near_duplicate_pairs import pairs

from macaw_cli.config.filters.near_duplicates import NearDuplicatesSettings
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.filters.near_duplicates import NearDuplicatesFilter

PAIRS, SEED = 3000, 11


def measured(count: int = PAIRS, seed: int = SEED, **options: Any) -> dict[str, Any]:
    """Recall and false positives over `count` pairs of each sort; what was done to those missed or taken wrongly."""
    settings = NearDuplicatesSettings(**options)
    dropped: dict[bool, int] = defaultdict(int)
    wrong: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for what, is_duplicate, first, second in pairs(count, seed):
        one = NearDuplicatesFilter(settings, Surroundings())
        one.reason_in_order(first)
        found = bool(one.reason_in_order(second))
        dropped[is_duplicate] += found
        if found != is_duplicate:
            wrong[is_duplicate][what] += 1
    return {
        "recall": dropped[True] / count, "false positives": dropped[False] / count,
        "missed": dict(wrong[True].most_common(5)), "taken wrongly": dict(wrong[False].most_common(5)),
    }  # fmt: skip


def in_one_dataset(count: int = PAIRS, seed: int = SEED) -> dict[str, float]:
    """The same pairs as one dataset of that many media, each with a pair."""
    one = NearDuplicatesFilter(NearDuplicatesSettings(), Surroundings())
    wanted, rows = [], []
    for number, (_, is_duplicate, first, second) in enumerate(pairs(count, seed)):
        rows += [{**first, "image": [f"{number}.jpg"]}, {**second, "image": [f"{number}.jpg"]}]
        wanted += [False, is_duplicate]
    started = time.perf_counter()
    dropped = [bool(one.reason_in_order(row)) for row in rows]
    seconds = time.perf_counter() - started
    hits = sum(found and want for found, want in zip(dropped, wanted, strict=True))
    others = sum(found and not want for found, want in zip(dropped, wanted, strict=True))
    return {
        "recall": hits / sum(wanted), "false positives": others / wanted.count(False),
        "conversations per second": round(len(rows) / seconds),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps({"pairs": measured(), "dataset": in_one_dataset()}, indent=1))
