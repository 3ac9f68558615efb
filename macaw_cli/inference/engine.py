"""Generation for one or many prompts at once: batched, streamed, with the cache of earlier turns."""

from collections.abc import Generator, Iterator, Sequence
from typing import Self

from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.generating_model import GeneratingModel
from macaw_cli.inference.requests import EndEvent, Event, GenerationRequest
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.answer_ends import answer_ends
from macaw_cli.model.text.encoding import ConversationEncoder


class Engine(GeneratingModel):
    """Generates with one model; arguments as in `GeneratingModel`."""

    @classmethod
    def of(cls, model: MacawForConditionalGeneration, encoder: ConversationEncoder) -> Self:
        """The engine of a Macaw model and the encoder that belongs to it."""
        return cls(model, encoder.tokenizer, answer_ends(model, encoder))

    def generate(self, requests: Sequence[GenerationRequest]) -> "Generation":
        """Answer all requests at once; see `Generation`.

        Answers are those of each request alone. Where the LLM would mix padded prompts of different lengths, requests
        are answered in turn.

        Raises:
            InputError: a prompt is too long.
        """
        return Generation(self, requests)


class Generation(Iterator[Event]):
    """Events of the requests, as they come; each request ends with one `EndEvent`.

    Closing it, or letting it go, ends all that is not finished. What a request cannot be answered for is raised.

    Args:
        engine: whose model answers.
        requests: in this order.
    """

    def __init__(self, engine: Engine, requests: Sequence[GenerationRequest]) -> None:
        self._batch = ContinuousBatch(engine, rows=max(len(requests), 1), prompts_first=True)
        for request in requests:
            self._batch.add(request)
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def cancel(self, number: int) -> None:
        """End the answer to one request, with no token more."""
        self._batch.cancel(number)

    def close(self) -> None:
        """End everything."""
        self._events.close()

    def _run(self) -> Generator[Event]:
        try:
            while not self._batch.idle:
                for event in self._batch.step():
                    if isinstance(event, EndEvent) and event.error is not None:
                        raise event.error
                    yield event
        finally:
            self._batch.close()
