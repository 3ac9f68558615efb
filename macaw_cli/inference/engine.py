"""One model that answers: requests of tokens, batched and streamed, and questions with media files."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any, Self, Unpack

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.inference.answering import Asked, QuestionReader, question_and_keywords, require_many
from macaw_cli.inference.asked_messages import Conversation
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.inference.generating_model import GeneratingModel
from macaw_cli.inference.prefix_cache import PrefixCache
from macaw_cli.inference.requests import EndEvent, Event, GenerationRequest
from macaw_cli.model.folder import load_model, model_folder
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.answer_ends import answer_ends
from macaw_cli.model.text.encoding import ConversationEncoder

_NO_MORE: Any = object()
ROWS = 32
"""Questions that are answered at the same time."""


class Engine(GeneratingModel):
    """Generates with one model.

        engine = Engine.from_pretrained("runs/quickstart")
        engine.answer("What is this?", image="cat.jpg")

    Args:
        model: in evaluation mode; any causal model of transformers that takes `input_ids`.
        tokenizer: decodes the answers.
        ends: tokens that end an answer.
        reader: makes requests of questions; None where there are only requests of tokens.
    """

    def __init__(
        self, model: Any, tokenizer: Any, ends: frozenset[int], reader: QuestionReader | None = None
    ) -> None:
        super().__init__(model, tokenizer, ends)
        self._reader, self._prefixes = reader, PrefixCache()

    @classmethod
    def of(
        cls, model: MacawForConditionalGeneration, encoder: ConversationEncoder, attacher: Attacher | None = None
    ) -> Self:
        """The engine of a Macaw model, the encoder that belongs to it, and what reads media files for it."""
        reader = QuestionReader(model, encoder, attacher)
        return cls(model, encoder.tokenizer, answer_ends(model, encoder), reader)

    @classmethod
    def from_pretrained(
        cls, folder: str | PathLike[str], *, device: str = "auto", workspace: str | PathLike[str] | None = None
    ) -> Self:
        """Load a trained model.

        Args:
            folder: a run, a model folder or an export.
            device: `auto`, `cpu` or `cuda`.
            workspace: where encoders are looked for that are neither in the model nor where it says; default: the
                current folder.

        Raises:
            InputError: there is no model.
            MismatchError: a newer macaw wrote it, or its weights do not fit.
            ResourceError: a GPU was asked for and there is none.
        """
        place = model_folder(Path(folder))
        model, processor = load_model(place, torch_device(device))
        found = open_workspace(None if workspace is None else Path(workspace))
        experts = ModelExperts.of(model.config, place, found, device)
        attacher = Attacher(model.config, ModelEncoders(model, processor, place, found), experts)
        return cls.of(model, processor.encoder, attacher)

    def answer(self, question: Conversation, **said: Unpack[Asked]) -> str:
        """The answer to a question.

        Args:
            question: text, or a list of messages `{"role", "content"}` of which the last is the user's; media stand
                before everything, or where the parts of a message say (`{"type": "image"}`).
            **said: media and options, see `Asked`.

        Raises:
            InputError: a file that cannot be read, or a conversation that is too long.
            MismatchError: the media do not fit the messages.
            UsageError: an unknown keyword, or a question or medium that has none of the forms that are taken.
        """
        return "".join(self.stream(question, **said))

    def stream(self, question: Conversation, **said: Unpack[Asked]) -> Iterator[str]:
        """The answer to a question in pieces of text, as they come; arguments and errors as in `answer`."""
        return self._pieces(self._request(question, said))

    def answer_all(self, questions: Iterable[Conversation | Mapping[str, Any]], **every: Unpack[Asked]) -> list[str]:
        """The answers to many questions, of which many are generated at the same time; files are read as they go.

        Args:
            questions: of each the text, messages, or a mapping of `question` and what `Asked` holds.
            **every: what `Asked` holds, for all questions that do not say it themselves.

        Raises:
            InputError: as in `answer`, for the first question that cannot be answered.
            MismatchError: likewise.
            UsageError: likewise.
        """
        require_many(questions)
        batch = ContinuousBatch(self, rows=ROWS, prefixes=self._prefixes)
        waiting, answers = iter(questions), list[str]()
        more = True
        while more or not batch.idle:
            while more and batch.waiting + batch.running < ROWS:
                asked = next(waiting, _NO_MORE)
                more = asked is not _NO_MORE
                if more:
                    answers.append("")
                    batch.add(self._request(*question_and_keywords(asked, every)))
            for event in batch.step():
                if isinstance(event, EndEvent):
                    if event.error is not None:
                        raise event.error
                    answers[event.number] = event.text
        return answers

    def generate(self, requests: Sequence[GenerationRequest]) -> "Generation":
        """Answer requests of tokens at once; see `Generation`.

        Answers are those of each request alone. Where the LLM would mix padded prompts of different lengths, requests
        are answered in turn.

        Raises:
            InputError: a prompt is too long.
        """
        return Generation(self, requests)

    def _request(self, question: Conversation, said: Mapping[str, Any]) -> GenerationRequest:
        if self._reader is None:
            raise UsageError("This engine has no template for questions.", "Load a model with Engine.from_pretrained.")
        return self._reader.request(question, said)

    def _pieces(self, request: GenerationRequest) -> Iterator[str]:
        with closing(Generation(self, [request], self._prefixes)) as events:
            for event in events:
                piece = event.rest if isinstance(event, EndEvent) else event.text
                if piece:
                    yield piece


class Generation(Iterator[Event]):
    """Events of the requests, as they come; each request ends with one `EndEvent`.

    Closing it, or letting it go, ends all that is not finished. What a request cannot be answered for is raised.

    Args:
        engine: whose model answers.
        requests: in this order.
        prefixes: see `ContinuousBatch`.
    """

    def __init__(
        self, engine: Engine, requests: Sequence[GenerationRequest], prefixes: PrefixCache | None = None
    ) -> None:
        rows = max(len(requests), 1)
        self._batch = ContinuousBatch(engine, rows=rows, prompts_first=True, prefixes=prefixes)
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
