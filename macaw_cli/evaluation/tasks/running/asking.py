"""Ask a model the items of a task: many at once, media read as they are needed.

What is asked without media is often the same for many items, and is answered once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from macaw_cli.basics.console import Advance
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.asking.scoring import MOST_LOGITS
from macaw_cli.evaluation.tasks.item import Item
from macaw_cli.evaluation.tasks.running.conditions import Asked, messages_under
from macaw_cli.evaluation.tasks.running.kept_answers import KeptAnswers, Said
from macaw_cli.evaluation.tasks.running.media_reader import MediaReader
from macaw_cli.inference import scoring
from macaw_cli.inference.branches import BranchRow
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversations import conversation_request, in_training_order
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.encoding import ConversationEncoder

AHEAD = 24
"""Questions whose media are decoded while those before them are asked; the conditions of one stand together."""
SORTED = 4
"""Batches of prompts whose features are held and sorted by length, so that a batch holds little padding."""
Answer = tuple[list[Asked], Said]
"""Everything that was asked by one request, and what was said; the request with its features is let go."""


@dataclass
class Prompt:
    """One request, and everything that is asked by it."""

    request: GenerationRequest
    choices: tuple[str, ...] = ()
    """Whose likelihoods decide; none where the answer is generated."""
    asked: list[Asked] = field(default_factory=list)
    row: BranchRow | None = None
    """The request with its choices, where they decide."""


class Asker:
    """Asks one model.

    Args:
        model: in evaluation mode.
        encoder: of this model.
        media: reads media files.
        batch_size: sequences per forward pass.
    """

    def __init__(
        self, model: MacawForConditionalGeneration, encoder: ConversationEncoder, media: MediaReader, batch_size: int
    ) -> None:
        self._model, self._encoder, self._media, self._batch_size = model, encoder, media, batch_size
        self._responses: dict[str, list[int]] = {}

    def ask(
        self, items: Sequence[Item], asked: Sequence[Asked], settings: TaskSettings, advance: Advance, kept: KeptAnswers
    ) -> tuple[dict[Asked, Said], dict[int, str]]:
        """Answers to what is asked, and the reasons why items cannot be asked.

        Args:
            items: of the task.
            asked: of the items, under their conditions.
            settings: how the task is answered.
            advance: told of each answer.
            kept: remembers each answer.

        Returns:
            Each answer, and the number of each item that is unusable with the reason. What would be asked with another
            item's unusable media has no answer.
        """
        reasons: dict[int, str] = {}
        scored = [one for one in asked if settings.answer == "likeliest" and items[one.number].choices]
        generated = [one for one in asked if settings.answer != "likeliest" or not items[one.number].choices]
        answers = []
        for answer in chain(
            self._scored(self._prompts(items, scored, settings, reasons, advance), advance),
            self._generated(self._prompts(items, generated, settings, reasons, advance), advance),
        ):
            kept.keep(*answer)
            answers.append(answer)
        return {one: said for together, said in answers for one in together}, reasons

    def _prompts(
        self, items: Sequence[Item], asked: Sequence[Asked], settings: TaskSettings, reasons: dict[int, str],
        advance: Advance,
    ) -> Iterator[Prompt]:  # fmt: skip
        """Requests in the order in which they are asked; what is asked again without media joins an earlier one."""
        blind: dict[tuple[object, ...], list[Asked]] = {}
        for place, one in enumerate(asked):
            self._media.needed_soon(medium for later in asked[place : place + AHEAD] for medium in later.media)
            try:
                prompt = self._prompt(items[one.number], one, settings)
            except InputError as error:
                if one.condition == "real":
                    reasons[one.number] = error.problem
                advance(1)
                continue
            if not one.media:
                key = (*prompt.request.prompt, prompt.choices, prompt.request.sampling, prompt.request.seed)
                prompt.asked = blind.setdefault(key, prompt.asked)
            prompt.asked.append(one)
            if len(prompt.asked) > 1:
                advance(1)
                continue
            yield prompt

    def _prompt(self, item: Item, one: Asked, settings: TaskSettings) -> Prompt:
        choices = item.choices if settings.answer == "likeliest" else ()
        longest = max((len(self._response(text)) for text in choices), default=settings.max_new_tokens)
        attached = in_training_order([part for medium in one.media for part in self._media.attachments(medium)])
        request = conversation_request(
            self._model, self._encoder, messages_under(item, one.condition), attached, max_new_tokens=longest,
            sampling=item.sampling, seed=item.seed,
        )  # fmt: skip
        branches = [self._response(text) for text in choices]
        row = BranchRow(list(request.prompt), branches, request.answered) if choices else None
        return Prompt(request, choices, row=row)

    def _generated(self, prompts: Iterator[Prompt], advance: Advance) -> Iterator[Answer]:
        batch = ContinuousBatch(Engine.of(self._model, self._encoder), rows=self._batch_size)
        running: dict[int, Prompt] = {}
        more = True
        while more or not batch.idle:
            while more and batch.waiting + batch.running < self._batch_size:
                prompt = next(prompts, None)
                more = prompt is not None
                if prompt is not None:
                    running[batch.add(prompt.request)] = prompt
            for event in batch.step():
                if isinstance(event, EndEvent):
                    if event.error is not None:
                        raise event.error
                    advance(1)
                    yield running.pop(event.number).asked, (event.text, ())

    def _scored(self, prompts: Iterator[Prompt], advance: Advance) -> Iterator[Answer]:
        for batch, rows in self._batches(prompts):
            features = [prompt.request.features for prompt in batch]
            for prompt, scores in zip(batch, scoring.score(self._model, rows, features), strict=True):
                likelihoods = tuple(score.log_probability for score in scores)
                best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
                yield prompt.asked, (prompt.choices[best], likelihoods)
            advance(len(batch))

    def _batches(self, prompts: Iterator[Prompt]) -> Iterator[tuple[list[Prompt], list[BranchRow]]]:
        """As many prompts as the settings say, fewer where their logits would not fit; of about the same length."""
        most = MOST_LOGITS // self._model.config.text_config.vocab_size
        scored = ((prompt.row, prompt) for prompt in prompts if prompt.row is not None)
        while window := sorted(islice(scored, SORTED * self._batch_size), key=lambda one: one[0].length):
            batch: list[Prompt] = []
            rows: list[BranchRow] = []
            for row, prompt in window:
                full = len(batch) == self._batch_size or scoring.positions_kept(self._model, [*rows, row]) > most
                if batch and full:
                    yield batch, rows
                    batch, rows = [], []
                batch.append(prompt)
                rows.append(row)
            yield batch, rows

    def _response(self, text: str) -> list[int]:
        if text not in self._responses:
            self._responses[text] = self._encoder.response_ids(text)
        return self._responses[text]
