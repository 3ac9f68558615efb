"""Continuous batching: requests join the running rows when they come and leave them when they end."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor

from macaw_cli.basics.errors import UsageError
from macaw_cli.inference.decoding_rows import DecodingRows
from macaw_cli.inference.generating_model import GeneratingModel
from macaw_cli.inference.growing_answer import GrowingAnswer, chosen_tokens
from macaw_cli.inference.prefix_cache import PrefixCache
from macaw_cli.inference.prompts import prompt_batch
from macaw_cli.inference.requests import Event, GenerationRequest
from macaw_cli.inference.row_memory import have_room, longest

PROMPT_TOKENS_ON_CPU = 1024
"""Tokens of prompts that are read together, padding included; rows that are answered meanwhile wait for them."""
PROMPT_TOKENS_ON_GPU = 16384


class ContinuousBatch:
    """Answers requests together, each of which may be added at any time.

    Greedy answers are those of each request alone. An LLM that would mix padded rows answers them one by one in turn.

    Args:
        engine: whose model answers.
        rows: most answers that grow at the same time; others wait.
        positions: most positions of their keys and values together, for all that they may become; None is any number.
        prompts_first: read all waiting prompts before running rows go on; by default both take turns.
        prefixes: what was read is kept here for later requests that begin with it; None keeps nothing.
    """

    def __init__(
        self, engine: GeneratingModel, *, rows: int = 32, positions: int | None = None, prompts_first: bool = False,
        prefixes: PrefixCache | None = None,
    ) -> None:  # fmt: skip
        self._engine, self._rows, self._positions = engine, rows, positions
        self._prompts_first, self._prefixes = prompts_first, prefixes
        self._waiting: deque[GrowingAnswer] = deque()
        self._running: list[DecodingRows] = []
        self._numbers = count()
        self._has_read = False
        """Whether the last step read prompts."""

    def add(self, request: GenerationRequest) -> int:
        """Put a request into the queue.

        Returns:
            Its number, which its events have.

        Raises:
            InputError: the prompt is too long.
        """
        answer = GrowingAnswer(next(self._numbers), request, self._engine)
        self._waiting.append(answer)
        return answer.number

    def cancel(self, number: int) -> None:
        """End an answer in the next step; one that has ended already is left alone."""
        for answer in self._answers():
            answer.cancelled |= answer.number == number

    @property
    def idle(self) -> bool:
        """Whether there is nothing to answer."""
        return not self._waiting and not self._running

    @property
    def running(self) -> int:
        """Answers that grow now."""
        return sum(len(rows.answers) for rows in self._running)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    def step(self) -> list[Event]:
        """Read some waiting prompts, or else continue every running answer by one token.

        A request that cannot be answered ends as `failed`, with its error; the others go on.
        """
        with torch.inference_mode():  # keys and values are changed in place, also where a row leaves
            events = self._end_cancelled()
            may_read = self._prompts_first or not self._has_read or not self._running
            self._has_read = may_read and self._may_begin()
            if self._has_read:
                events += self._read(self._next_prompts())
            else:
                for rows in list(self._running):
                    events += self._go_on(rows)
        return events

    def close(self) -> None:
        """End everything; conversations get back what was read of them."""
        self._waiting.clear()
        for rows in self._running:
            for row in range(len(rows.answers)):
                self._keep_read(rows, row)
        self._running = []

    def _answers(self) -> Iterator[GrowingAnswer]:
        yield from self._waiting
        for rows in self._running:
            yield from rows.answers

    def _end_cancelled(self) -> list[Event]:
        events: list[Event] = [answer.end("cancelled") for answer in self._answers() if answer.cancelled]
        if events:
            self._waiting = deque(answer for answer in self._waiting if not answer.cancelled)
            for rows in list(self._running):
                self._drop_ended(rows)
        return events

    def _may_begin(self, found: Sequence[GrowingAnswer] = ()) -> bool:
        """Whether the next waiting request has a row, and memory, beside those that grow and those found."""
        if not self._waiting or self.running + len(found) >= self._rows:
            return False
        grown = [answer for rows in self._running for answer in rows.answers]
        return have_room([*grown, *found, self._waiting[0]], self._positions)

    def _next_prompts(self) -> list[GrowingAnswer]:
        """Waiting requests whose prompts are read together, out of the queue; at least one."""
        limit = PROMPT_TOKENS_ON_CPU if self._engine.model.device.type == "cpu" else PROMPT_TOKENS_ON_GPU
        found: list[GrowingAnswer] = []
        length = 0
        while self._may_begin(found):
            answer = self._waiting[0]
            length = max(length, len(answer.request.prompt))
            if found and (length * (len(found) + 1) > limit or not self._are_padded([*found, answer])):
                break
            found.append(self._waiting.popleft())
            if self._is_continued(answer):
                break
        return found

    def _are_padded(self, answers: Sequence[GrowingAnswer]) -> bool:
        """Whether these prompts may be read together; a conversation goes on from its own cache."""
        # all but the last were looked up when they came in
        return not self._is_continued(answers[-1]) and self._engine.stays_apart(max(map(longest, answers)))

    def _is_continued(self, answer: GrowingAnswer) -> bool:
        """Whether something of the prompt has been read before."""
        if answer.cache is None and self._prefixes is not None:
            answer.cache = self._prefixes.find(self._engine.model, answer.request)
        return answer.cache is not None

    def _read(self, answers: list[GrowingAnswer]) -> list[Event]:
        """Read prompts and say their answers' first tokens."""
        model = self._engine.model
        try:
            first = prompt_batch(model, [answer.request for answer in answers], answers[0].cache)
            if "past_key_values" not in first.inputs:
                first.inputs["past_key_values"] = self._engine.new_cache(max(map(longest, answers)))
            logits, cache = _called(model, first.inputs)
        except Exception as error:  # whatever one request causes must not end the others
            if len(answers) == 1:
                return [answers[0].end("failed", error)]
            return [event for answer in answers for event in self._read([answer])]
        answers[0].reused = first.reused
        rows = DecodingRows(answers, first.padding, cache)
        self._running.append(rows)
        events = self._take(rows, logits)
        if rows in self._running:
            self._join(rows)
        return events

    def _join(self, rows: DecodingRows) -> None:
        """Put rows that have just begun beside the others, where the LLM does not mix them."""
        for others in self._running:
            if others is rows or not (others.can_join and rows.can_join):
                continue
            if self._engine.stays_apart(max(map(longest, (*others.answers, *rows.answers)))):
                others.join(rows)
                self._running.remove(rows)
                return

    def _go_on(self, rows: DecodingRows) -> list[Event]:
        """Continue rows by one token."""
        model = self._engine.model
        tokens = [answer.stream.tokens[-1] for answer in rows.answers]
        try:
            logits, rows.cache = _called(model, rows.inputs(tokens, model.device))
        except Exception as error:  # such as memory that ran out: the queue goes on
            self._running.remove(rows)
            return [answer.end("failed", error) for answer in rows.answers]
        return self._take(rows, logits)

    def _take(self, rows: DecodingRows, logits: Tensor) -> list[Event]:
        """Add the next token to every answer, and drop those that it ends."""
        events: list[Event] = []
        for answer, token, scores in zip(rows.answers, chosen_tokens(logits, rows.answers), logits, strict=True):
            events += answer.take(token, scores) if isinstance(token, int) else [answer.end("failed", token)]
        self._drop_ended(rows)
        return events

    def _keep_read(self, rows: DecodingRows, row: int) -> None:
        """Hand what was read of a row to its conversation, or keep it for the requests that come."""
        request = rows.answers[row].request
        if request.cache is not None:
            ids, cache = rows.read(row)
            request.cache.keep(ids, request.features, cache)
        elif self._prefixes is not None:
            ids, cache = rows.read(row)
            self._prefixes.put(ids, request.features, cache)

    def _drop_ended(self, rows: DecodingRows) -> None:
        ended = [row for row, answer in enumerate(rows.answers) if answer.ending is not None]
        for row in ended:
            self._keep_read(rows, row)
        if len(ended) == len(rows.answers):
            self._running.remove(rows)
        elif ended:
            rows.keep([row for row in range(len(rows.answers)) if row not in ended])


def _called(model: Any, inputs: dict[str, Any]) -> tuple[Tensor, Any]:
    """The logits (B, V) of the last position, and the cache.

    Raises:
        UsageError: the LLM has no cache.
    """
    output = model(**inputs, use_cache=True, logits_to_keep=1)
    cache = output.get("past_key_values")
    if cache is None:
        kind = getattr(model.config.get_text_config(), "model_type", "")
        raise UsageError(
            f"macaw cannot generate text with this LLM ({kind}): it returns no key-value cache.",
            "Choose an LLM with attention layers.",
        )
    return output.logits[:, -1], cache
