"""Scoring several continuations of one prompt in one row: a prompt, then branches that do not see each other.

Every candidate answer needs the likelihood of its tokens after the same prompt (media included). Instead of one row
per candidate, the row is `prompt | branch 1 | branch 2 | ...`; each branch's positions continue the prompt's, and the
attention mask lets a branch see the prompt and itself only. The result equals scoring each candidate alone. An LLM that
cannot keep branches apart gets one row per candidate instead, from `apart`.

Shapes: B rows, T tokens of the longest row, K logits kept at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

AT_ONCE_ON_CPU = 2**19
"""Logits that are read together: 2 MiB in fp32, which stay in a core's cache; three times as fast as all at once."""
AT_ONCE_ON_GPU = 2**24


@dataclass(frozen=True)
class BranchRow:
    """A prompt and its candidate continuations, as token ids; each branch holds at least one token."""

    prompt: list[int]
    branches: list[list[int]]
    answered: Sequence[bool] = ()
    """Where in the prompt answers of earlier turns stand; empty where none do."""
    spans: Sequence[tuple[int, int]] = ()
    """Parts of the prompt, as begin and end, that are scored as well: answers of earlier turns."""

    @property
    def first_asked(self) -> int:
        """The first position whose logits are read: that before the first token that is scored."""
        return min([len(self.prompt), *(begin for begin, _ in self.spans)]) - 1

    @property
    def tail(self) -> list[int]:
        """The tokens after the prompt: every branch without its last token, whose successor is not asked for."""
        return [token for branch in self.branches for token in branch[:-1]]

    @property
    def length(self) -> int:
        """Tokens of the row."""
        return len(self.prompt) + len(self.tail)

    @property
    def longest(self) -> int:
        """Positions that the model reads: those of the prompt and of the longest branch without its last token."""
        return len(self.prompt) + max(map(len, self.branches)) - 1


@dataclass(frozen=True)
class BranchBatch:
    """What the model reads; rows padded on the left, so that all tails end at the right edge.

    Args:
        input_ids: (B, T) int64.
        position_ids: (B, T) int64; None where every row is one text from its beginning.
        attention_mask: (B, 1, T, T) bool, True where row i may attend to column j; None for a triangle.
        answers: (B, T) bool, True where answers stand and padding.
        keep: K, how many logits at the end cover the last prompt token and every tail.
        padded: tokens of padding behind each row.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor | None
    attention_mask: torch.Tensor | None
    answers: torch.Tensor
    keep: int
    padded: tuple[int, ...]

    def inputs(self, device: torch.device, *, with_answers: bool = False) -> dict[str, torch.Tensor]:
        """What a model takes, on its device; with `answers` where one of its bridges reads the instruction."""
        tensors = {
            "input_ids": self.input_ids, "position_ids": self.position_ids, "attention_mask": self.attention_mask,
            "answers": self.answers if with_answers else None,
        }  # fmt: skip
        return {name: tensor.to(device) for name, tensor in tensors.items() if tensor is not None}


def branch_batch(rows: Sequence[BranchRow]) -> BranchBatch:
    """Lay out `rows` for one forward pass."""
    length = max(row.length for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself: a row of no keys is NaN
    for number, row in enumerate(rows):
        start = length - row.length
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
    keep = kept_logits(rows, plain=False)
    return BranchBatch(ids, positions, mask[:, None], _answers(rows, length, (0,) * len(rows)), keep, (0,) * len(rows))


def apart(rows: Sequence[BranchRow]) -> list[BranchRow]:
    """One row per candidate, in order; the first one has the spans of the prompt."""
    return [
        replace(row, branches=[branch], spans=() if number else row.spans)
        for row in rows for number, branch in enumerate(row.branches)
    ]  # fmt: skip


def plain_batch(rows: Sequence[BranchRow]) -> BranchBatch:
    """Lay out rows of one branch each for any causal LLM: padded on the right, which nothing before can see."""
    length = max(row.length for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : row.length] = torch.tensor(row.prompt + row.tail)
    padded = tuple(length - row.length for row in rows)
    return BranchBatch(ids, None, None, _answers(rows, length, padded), kept_logits(rows, plain=True), padded)


def _answers(rows: Sequence[BranchRow], length: int, padded: Sequence[int]) -> torch.Tensor:
    """(B, T) bool: everything but the prompts, and in them the answers of earlier turns."""
    answers = torch.ones(len(rows), length, dtype=torch.bool)
    for own, row, behind in zip(answers, rows, padded, strict=True):
        begin = length - behind - row.length
        own[begin : begin + len(row.prompt)] = torch.tensor([*row.answered] or [False] * len(row.prompt))
    return answers


def kept_logits(rows: Sequence[BranchRow], *, plain: bool) -> int:
    """K of these rows in one batch: of `plain_batch`, else of `branch_batch`."""
    if not plain:
        return max(row.length - row.first_asked for row in rows)
    return max(row.length for row in rows) - min(row.first_asked for row in rows)


@dataclass(frozen=True)
class BranchScore:
    """How well one branch fits: its summed log-probability, and whether greedy decoding would give it whole."""

    log_probability: float
    greedy: bool


def branch_scores(rows: Sequence[BranchRow], batch: BranchBatch, logits: torch.Tensor) -> list[list[BranchScore]]:
    """Read the scores of every branch of every row off the kept logits, then those of its spans.

    Args:
        rows: what was laid out.
        batch: how.
        logits: (B, K, V), the last K positions of each row.
    """
    asked = list(_asked(rows, batch.padded, logits.shape[1]))
    read = sorted({at for at, _, _ in asked})  # the branches of a row share the position before them
    index = {at: number for number, at in enumerate(read)}
    numbers = [(at, token, branch, index[at]) for at, token, branch in asked]
    places, tokens, branches, of_read = torch.tensor(numbers, device=logits.device).T
    read_at = places.new_empty(len(read)).scatter_(0, of_read, places)
    flat = logits.flatten(0, 1)
    normalisers, best = _read(flat, read_at)
    likely = flat[places, tokens].float() - normalisers[of_read]
    sums = torch.zeros(2, asked[-1][2] + 1, dtype=torch.float64, device=logits.device)
    sums[0].index_add_(0, branches, likely.double())
    sums[1].index_add_(0, branches, (best[of_read] != tokens).double())
    found = iter([BranchScore(total, misses == 0) for total, misses in zip(*sums.tolist(), strict=True)])
    return [[next(found) for _ in (*row.branches, *row.spans)] for row in rows]


def _read(logits: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the logits at these places, a few at a time: log of the sum of exponentials in fp32, and the likeliest token.

    Args:
        logits: (B K, V).
        places: (n,).
    """
    found = []
    numbers = AT_ONCE_ON_CPU if logits.device.type == "cpu" else AT_ONCE_ON_GPU
    for some in torch.split(places, max(1, numbers // logits.shape[-1])):
        picked = logits[some].float()
        found.append((picked.logsumexp(-1), picked.max(-1).indices))
    normalisers, best = zip(*found, strict=True)
    return torch.cat(normalisers), torch.cat(best)


def _asked(rows: Sequence[BranchRow], padded: Sequence[int], kept: int) -> Iterator[tuple[int, int, int]]:
    """For each token of each branch and span: which of all (B K) logits tells it, the token, and a running number."""
    number_scored = 0
    for number, (row, behind) in enumerate(zip(rows, padded, strict=True)):
        end = (number + 1) * kept - behind - len(row.tail)  # first tail position; before it is the last prompt token
        start = end
        for branch in row.branches:
            for at, token in zip((end - 1, *range(start, start + len(branch) - 1)), branch, strict=True):
                yield at, token, number_scored
            start += len(branch) - 1
            number_scored += 1
        for first, last in row.spans:
            for at in range(first, last):
                yield end - len(row.prompt) + at - 1, row.prompt[at], number_scored
            number_scored += 1
