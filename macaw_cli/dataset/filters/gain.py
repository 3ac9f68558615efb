"""How much likelier an answer becomes to a text-only model when it reads what is known of the media."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from macaw_cli.dataset.filters.conversation_texts import known_texts, turns
from macaw_cli.dataset.filters.filter import Row, Surroundings

if TYPE_CHECKING:
    from macaw_cli.inference.text_scoring import TextScorer

MOST_CHARACTERS = 4000
"""Of what is known of a conversation's media, and of each question."""


class GainScorer:
    """Scores conversations with one model, which is loaded on first use.

    Args:
        model: folder, relative to the surroundings' folder, or hub id.
        device: `auto`, `cpu` or `cuda`.
        surroundings: of the filter.
    """

    def __init__(self, model: str, device: str, surroundings: Surroundings) -> None:
        folder = surroundings.folder / model
        self._source = str(folder) if folder.exists() else model
        self._device = device
        self._scorer: TextScorer | None = None

    def gains(self, rows: Sequence[Row]) -> list[float | None]:
        """Of each conversation: log p(answers | questions, captions) - log p(answers | questions), in nats per token.

        None where nothing is known of the media.

        Raises:
            InputError: the model cannot be read.
        """
        asked: list[tuple[str, str]] = []
        spans: list[tuple[int, int]] = []
        for row in rows:
            start, texts = len(asked), known_texts(row)
            if texts:
                context = "\n".join(texts)[:MOST_CHARACTERS]
                for question, answer in turns(row):
                    asked += [(_prompt(question, context), answer), (_prompt(question, ""), answer)]
            spans.append((start, len(asked)))
        scores = self._scored(asked) if asked else []
        return [_gain(scores[start:end]) if end > start else None for start, end in spans]

    def _scored(self, asked: list[tuple[str, str]]) -> list[tuple[float, int]]:
        if self._scorer is None:
            from macaw_cli.inference.text_scoring import TextScorer

            self._scorer = TextScorer(self._source, self._device)
        return self._scorer.log_likelihoods(asked)


def _gain(scores: list[tuple[float, int]]) -> float:
    tokens = sum(count for _, count in scores[::2])
    return (sum(one for one, _ in scores[::2]) - sum(one for one, _ in scores[1::2])) / max(1, tokens)


def _prompt(question: str, context: str) -> str:
    """The same form with and without what is known, so that only this differs."""
    shown = f"Description: {context}\n" if context else ""
    return f"{shown}Question: {question[:MOST_CHARACTERS].strip()}\nAnswer:"
