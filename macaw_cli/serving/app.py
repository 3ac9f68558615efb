"""The web application: routes, and how errors leave it."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.answering import Answerer, Question
from macaw_cli.serving.api_errors import ApiError, internal_error
from macaw_cli.serving.bodies import read_body
from macaw_cli.serving.chat_replies import ChatReply
from macaw_cli.serving.chat_request import ChatRequest, chat_request
from macaw_cli.serving.fields import json_object
from macaw_cli.serving.guard import WITHOUT_KEY, Guard
from macaw_cli.serving.media_reading import MediaReader
from macaw_cli.serving.page_files import page_file
from macaw_cli.serving.streaming import ClientLeft, EventStream, server_sent, unless_left
from macaw_cli.serving.together import Numbered, answers_together

_log = logging.getLogger(__name__)
_SEEDS = 1 << 63
Handler = Callable[[Request], Awaitable[Response]]


class Service:
    """What the routes share.

    Args:
        answerer: who answers.
        media: reads the media of requests.
        settings: limits.
        model_name: as the API calls the model.
        modalities: that the model was trained on.
    """

    def __init__(
        self, answerer: Answerer, media: MediaReader, settings: ServeSettings, model_name: str, modalities: list[str]
    ) -> None:
        self.answerer, self.media, self.settings = answerer, media, settings
        self.model_name, self.modalities = model_name, modalities
        self.created = int(time.time())

    async def close(self) -> None:
        """End everything."""
        await self.answerer.close()
        await self.media.close()

    async def chat_completions(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        body = await read_body(request, self.settings)
        asked = await asyncio.to_thread(self._chat_request, body)
        return await unless_left(request, self._chat_reply(asked))

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """`GET /v1/models/NAME`."""
        if request.path_params["name"] != self.model_name:
            raise ApiError("There is no such model.", param="model", code="model_not_found", status=404)
        return JSONResponse(self._model())

    async def health(self, request: Request) -> Response:
        """`GET /health`."""
        return JSONResponse({"status": "ok"})

    def _model(self) -> dict[str, Any]:
        entry = {"id": self.model_name, "object": "model", "created": self.created, "owned_by": "macaw"}
        return {**entry, "modalities": self.modalities}

    def _chat_request(self, body: bytes) -> ChatRequest:
        return chat_request(json_object(body), self.settings, self.model_name)

    async def _chat_reply(self, asked: ChatRequest) -> Response:
        messages, attachments = await self.media.read(asked.messages)
        questions = [
            Question(
                messages=messages, attachments=attachments, max_new_tokens=asked.max_new_tokens,
                sampling=asked.sampling, seed=(asked.seed + number) % _SEEDS, stop=asked.stop,
                top_logprobs=asked.top_logprobs,
            )
            for number in range(asked.answers)
        ]  # fmt: skip
        reply = ChatReply(
            self.model_name, with_logprobs=asked.top_logprobs is not None, include_usage=asked.include_usage
        )
        events = answers_together(self.answerer, questions)
        if not asked.stream:
            async with aclosing(events):
                return JSONResponse(await reply.whole(events))
        return EventStream(_sent(reply, await begun(events)))


async def begun(events: AsyncGenerator[Numbered]) -> AsyncGenerator[Numbered]:
    """The same events, when the first one is there: what is refused is refused before a stream begins."""
    try:
        first = await anext(events)
    except BaseException:
        await events.aclose()
        raise

    async def all_of_them() -> AsyncGenerator[Numbered]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return all_of_them()


async def _sent(reply: ChatReply, events: AsyncGenerator[Numbered]) -> AsyncGenerator[str]:
    async with aclosing(events), aclosing(reply.chunks(events)) as chunks:
        try:
            async for chunk in chunks:
                yield server_sent(chunk)
            yield "data: [DONE]\n\n"
        except ApiError as error:
            yield server_sent(error.as_json())


def application(service: Service, key: str | None, hosts: list[str] | None) -> ASGIApp:
    """The whole application.

    Args:
        service: answers the routes.
        key: the API key; None needs none.
        hosts: names under which the server may be reached; None allows all.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for path, handler, method in (
        ("/v1/chat/completions", service.chat_completions, "POST"),
        ("/v1/models", service.models, "GET"),
        ("/v1/models/{name:path}", service.model, "GET"),
        ("/health", service.health, "GET"),
        *((path, page_file, "GET") for path in sorted(WITHOUT_KEY - {"/health", "/favicon.ico"})),
    ):
        app.add_route(path, _told(handler), methods=[method])
    app.add_exception_handler(HTTPException, _http_error)
    return Guard(app, key, hosts)


def _told(handler: Handler) -> Handler:
    """The handler, whose errors become OpenAI's; whatever is none of ours is logged and not shown."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return JSONResponse(error.as_json(), error.status)
        except (ClientLeft, ClientDisconnect):
            return Response(status_code=499)
        except Exception:
            _log.exception("A request failed.")
            failed = internal_error()
            return JSONResponse(failed.as_json(), failed.status)

    return answer


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = "The server has no such path." if status == 404 else "The path does not take this method."
    told = ApiError(message, code="not_found" if status == 404 else "method_not_allowed", status=status)
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(told.as_json(), status, headers=headers)
