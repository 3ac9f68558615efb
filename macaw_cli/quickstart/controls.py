"""The honest control: the same conversations with the answers shuffled, from which nothing can be learnt."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_jsonl, write_jsonl
from macaw_cli.modalities.table import MODALITIES


def shuffle_answers(source: Path, target: Path, seed: int) -> Path:
    """Write the conversations of `source` to `target` with the answers about media permuted within each kind.

    The answers' frequencies stay as they were, so the best a model can do without cheating is chance. Text-only rows
    keep their answers.

    Args:
        source: canonical conversations, each a question and its answer.
        target: where the shuffled ones go.
        seed: fixes the permutation.

    Returns:
        `target`.
    """
    rows: list[dict[str, Any]] = read_jsonl(source)
    by_kind: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if any(row.get(modality) for modality in MODALITIES):
            by_kind[row.get("kind", "")].append(number)
    draw = random.Random(seed)
    shuffled = [dict(row) for row in rows]
    for numbers in by_kind.values():
        for number, giver in zip(numbers, draw.sample(numbers, len(numbers)), strict=True):
            shuffled[number]["messages"] = [*rows[number]["messages"][:-1], rows[giver]["messages"][-1]]
    write_jsonl(target, shuffled)
    return target
