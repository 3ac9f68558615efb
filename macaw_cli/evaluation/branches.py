"""Scoring several continuations of one prompt in one row: a prompt, then branches that do not see each other.

Every candidate answer needs the likelihood of its tokens after the same prompt (media included). Instead of one row
per candidate, the row is `prompt | branch 1 | branch 2 | ...`; each branch's positions continue the prompt's, and the
attention mask lets a branch see the prompt and itself only. The result equals scoring each candidate alone.

Shapes: B rows, T tokens of the longest row, K logits kept at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class BranchRow:
    """A prompt and its candidate continuations, as token ids; each branch holds at least one token."""

    prompt: list[int]
    branches: list[list[int]]

    @property
    def tail(self) -> list[int]:
        """The tokens after the prompt: every branch without its last token, whose successor is not asked for."""
        return [token for branch in self.branches for token in branch[:-1]]


@dataclass(frozen=True)
class BranchBatch:
    """Rows padded on the left, so that all tails end at the right edge.

    Args:
        input_ids: (B, T) int64.
        position_ids: (B, T) int64.
        attention_mask: (B, 1, T, T) bool, True where row i may attend to column j.
        keep: K, how many logits at the end cover the last prompt token and every tail.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    attention_mask: torch.Tensor
    keep: int


def branch_batch(rows: Sequence[BranchRow]) -> BranchBatch:
    """Lay out `rows` for one forward pass."""
    length = max(len(row.prompt) + len(row.tail) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself: a row of no keys is NaN
    for number, row in enumerate(rows):
        start = length - len(row.prompt) - len(row.tail)
        end = start + len(row.prompt)
        ids[number, start:] = torch.tensor(row.prompt + row.tail)
        positions[number, start:end] = torch.arange(len(row.prompt))
        mask[number, start:end, start:end] = torch.ones(len(row.prompt), len(row.prompt), dtype=torch.bool).tril()
        for branch in row.branches:
            own = len(branch) - 1
            positions[number, end : end + own] = len(row.prompt) + torch.arange(own)
            mask[number, end : end + own, start : start + len(row.prompt)] = True
            mask[number, end : end + own, end : end + own] = torch.ones(own, own, dtype=torch.bool).tril()
            end += own
    return BranchBatch(ids, positions, mask[:, None], 1 + max(len(row.tail) for row in rows))


@dataclass(frozen=True)
class BranchScore:
    """How well one branch fits: its summed log-probability, and whether greedy decoding would give it whole."""

    log_probability: float
    greedy: bool


def branch_scores(rows: Sequence[BranchRow], logits: torch.Tensor) -> list[list[BranchScore]]:
    """Read the scores of every branch of every row off the kept logits.

    Args:
        rows: the rows that `branch_batch` laid out.
        logits: (B, K, V), the last K positions of each row.
    """
    log_probabilities = logits.float().log_softmax(-1)
    scores: list[list[BranchScore]] = []
    for number, row in enumerate(rows):
        end = logits.shape[1] - len(row.tail)  # first tail position; the one before is the last prompt token
        scores.append([])
        start = end
        for branch in row.branches:
            at = torch.tensor([end - 1, *range(start, start + len(branch) - 1)], device=logits.device)
            picked = log_probabilities[number, at]
            tokens = torch.tensor(branch, device=logits.device)
            total = picked.gather(-1, tokens[:, None]).sum().item()
            scores[-1].append(BranchScore(total, bool((picked.argmax(-1) == tokens).all())))
            start += len(branch) - 1
    return scores
