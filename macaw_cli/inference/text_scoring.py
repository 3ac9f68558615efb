"""How likely answers are to an LLM of transformers that reads text only."""

from collections.abc import Iterator, Sequence

import torch

from macaw_cli.basics.errors import InputError
from macaw_cli.encoders.pretrained import load_causal_lm, load_tokenizer
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.branches import BranchRow, branch_scores, plain_batch
from macaw_cli.model.positions import position_table_of

BATCH_TOKENS = 4096
"""Tokens of one forward pass, padding included."""
LONGEST = 2048
"""Tokens of a prompt with its answer that are read, where the LLM could read more."""


class TextScorer:
    """An LLM and its tokenizer, loaded once.

    Args:
        source: folder or hub id.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        InputError: it cannot be read, or its tokenizer makes no tokens.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
    """

    def __init__(self, source: str, device: str = "auto") -> None:
        found = "cuda" if device == "auto" and torch.cuda.is_available() else device
        self._device = torch.device("cpu" if found == "auto" else found)
        with quiet_transformers():
            self._tokenizer = load_tokenizer(source)
            self._llm = load_causal_lm(source, dtype="auto" if self._device.type == "cuda" else torch.float32)
        self._llm = self._llm.to(self._device).eval()
        self._longest = min(position_table_of(self._llm) or LONGEST, LONGEST)
        self._source = source

    def log_likelihoods(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """Of each answer after its prompt: the log-likelihood in nats, and the number of its tokens.

        A prompt that is too long loses its beginning, an answer its end.

        Args:
            pairs: prompt and answer; neither is empty.
        """
        rows = [self._row(prompt, answer) for prompt, answer in pairs]
        found: dict[int, tuple[float, int]] = {}
        order = sorted(range(len(rows)), key=lambda number: rows[number].length)
        for numbers in _batches(order, rows):
            chosen = [rows[number] for number in numbers]
            layout = plain_batch(chosen)
            with torch.inference_mode():
                output = self._llm(**layout.inputs(self._device), logits_to_keep=layout.keep, use_cache=False)
            scores = branch_scores(chosen, layout, output.logits)
            for number, (score,) in zip(numbers, scores, strict=True):
                found[number] = score.log_probability, len(rows[number].branches[0])
        return [found[number] for number in range(len(rows))]

    def _row(self, prompt: str, answer: str) -> BranchRow:
        asked = self._tokens(prompt, start=True)
        told = self._tokens(f" {answer.strip()}", start=False)[: self._longest - 1]
        if not asked or not told:
            raise InputError(f"The tokenizer of {self._source} makes no tokens of a text.", "Choose another model.")
        return BranchRow(asked[-(self._longest - len(told)) :], [told])

    def _tokens(self, text: str, *, start: bool) -> list[int]:
        """Text is text: what looks like a control token is none."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
        begin = self._tokenizer.bos_token_id
        return [begin, *ids] if start and begin is not None else ids


def _batches(order: Sequence[int], rows: Sequence[BranchRow]) -> Iterator[list[int]]:
    """Rows of about the same length together."""
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * rows[number].length > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
