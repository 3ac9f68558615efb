"""What each route of the API does."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.serving.answers.answering import Answerer, Event, Question
from macaw_cli.serving.answers.together import Numbered, answers_together
from macaw_cli.serving.api_errors import ApiError, internal_error
from macaw_cli.serving.media.conversation import Conversation
from macaw_cli.serving.media.reading import MediaReader
from macaw_cli.serving.metrics import CONTENT_TYPE, MeasuredAnswerer, Metrics
from macaw_cli.serving.replies.chat_completions import ChatReply
from macaw_cli.serving.replies.responses import ResponseReply
from macaw_cli.serving.requests.chat_completions import ChatRequest, chat_request
from macaw_cli.serving.requests.fields import json_object
from macaw_cli.serving.requests.request_checks import Served
from macaw_cli.serving.requests.responses import ResponsesRequest, responses_request
from macaw_cli.serving.requests.sampling_fields import SEEDS
from macaw_cli.serving.web.bodies import Bodies
from macaw_cli.serving.web.streaming import EventStream, server_sent, unless_left

_log = logging.getLogger(__name__)
T = TypeVar("T")
Asked = TypeVar("Asked", ChatRequest, ResponsesRequest)
Read = Callable[[dict[str, Any], Served], Asked]


class Service:
    """The API.

    Args:
        answerer: who answers.
        media: reads the media of requests.
        settings: limits.
        model_name: as the API calls the model.
        modalities: that the model was trained on.
        metrics: what is counted.
    """

    def __init__(
        self, answerer: Answerer, media: MediaReader, settings: ServeSettings, model_name: str,
        modalities: list[Modality], metrics: Metrics,
    ) -> None:  # fmt: skip
        self.answerer, self.media, self.settings = MeasuredAnswerer(answerer, metrics), media, settings
        self.model_name, self.modalities, self.metrics = model_name, modalities, metrics
        self._created, self._bodies = int(time.time()), Bodies(settings)

    async def close(self) -> None:
        """End everything."""
        await self.answerer.close()
        await self.media.close()

    async def health(self, request: Request) -> Response:
        """`GET /health`."""
        return JSONResponse({"status": "ok"})

    async def read_metrics(self, request: Request) -> Response:
        """`GET /metrics`."""
        return Response(self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """`GET /v1/models/NAME`."""
        if request.path_params["name"] != self.model_name:
            raise ApiError("There is no such model.", param="model", code="model_not_found", status=404)
        return JSONResponse(self._model())

    async def chat_completions(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        asked, conversation = await self._read(request, chat_request)
        return await unless_left(request, self._chat_reply(asked, conversation))

    async def responses(self, request: Request) -> Response:
        """`POST /v1/responses`."""
        asked, conversation = await self._read(request, responses_request)
        return await unless_left(request, self._response_reply(asked, conversation))

    async def _read(self, request: Request, read: Read[Asked]) -> tuple[Asked, Conversation]:
        """What a request asks, and its media read; the files themselves are kept no longer."""
        served = Served(self.settings, self.model_name, self.modalities)
        async with self._bodies.body_of(request) as body:
            asked = await asyncio.to_thread(lambda: read(json_object(body), served))
            conversation = await unless_left(request, self.media.read(asked.messages))
        return replace(asked, messages=[]), conversation

    def _model(self) -> dict[str, Any]:
        extensions = {name: list(TABLE[name].extensions) for name in self.modalities}
        return {
            "id": self.model_name, "object": "model", "created": self._created, "owned_by": "macaw",
            "modalities": self.modalities, "extensions": extensions,
            "max_request_bytes": self.settings.max_request_megabytes * 1_000_000,
        }  # fmt: skip

    async def _chat_reply(self, asked: ChatRequest, conversation: Conversation) -> Response:
        questions = [
            Question(
                messages=conversation.messages, attachments=conversation.attachments,
                max_new_tokens=asked.max_new_tokens, sampling=asked.sampling,
                seed=(asked.seed + number) % SEEDS, stop=asked.stop, top_logprobs=asked.top_logprobs,
            )
            for number in range(asked.answers)
        ]  # fmt: skip
        reply = ChatReply(
            self.model_name, with_logprobs=asked.top_logprobs is not None, include_usage=asked.include_usage,
            attachments=conversation.told,
        )  # fmt: skip
        events = answers_together(self.answerer, questions)
        if not asked.stream:
            async with aclosing(events):
                return JSONResponse(await reply.whole(events))
        return EventStream(_chat_stream(reply, _told(await _begun(events))))

    async def _response_reply(self, asked: ResponsesRequest, conversation: Conversation) -> Response:
        question = Question(
            messages=conversation.messages, attachments=conversation.attachments,
            max_new_tokens=asked.max_output_tokens, sampling=asked.sampling, seed=asked.seed,
            top_logprobs=asked.top_logprobs,
        )  # fmt: skip
        reply = ResponseReply(self.model_name, asked)
        events = self.answerer.submit(question)
        if not asked.stream:
            async with aclosing(events):
                return JSONResponse(await reply.whole(events))
        return EventStream(_response_stream(reply, _told(await _begun(events))))


async def _begun(events: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same events, when the first one is there: what is refused is refused before a stream begins."""
    try:
        first = await anext(events)
    except BaseException:
        await events.aclose()
        raise

    async def all_of_them() -> AsyncGenerator[T]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return all_of_them()


async def _told(events: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same events; a bug within a stream, whose status has been sent, is told as an event as well."""
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except ApiError:
        raise
    except Exception:
        _log.exception("An answer failed within its stream.")
        raise internal_error() from None


async def _chat_stream(reply: ChatReply, events: AsyncGenerator[Numbered]) -> AsyncGenerator[str]:
    async with aclosing(events), aclosing(reply.chunks(events)) as chunks:
        try:
            async for chunk in chunks:
                yield server_sent(chunk)
            yield "data: [DONE]\n\n"
        except ApiError as error:
            yield server_sent(error.as_json())


async def _response_stream(reply: ResponseReply, events: AsyncGenerator[Event]) -> AsyncGenerator[str]:
    async with aclosing(events), aclosing(reply.sent(events)) as sent:
        async for kind, content in sent:
            yield server_sent(content, kind)
