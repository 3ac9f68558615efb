"""The web application: its routes, and how errors leave it."""

import logging
import re
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from macaw_cli.basics.shown_text import cut
from macaw_cli.serving.api_errors import ApiError, internal_error
from macaw_cli.serving.metrics import Metrics
from macaw_cli.serving.web.guard import Guard
from macaw_cli.serving.web.page_files import PAGE_PATHS, page_file
from macaw_cli.serving.web.service import Service
from macaw_cli.serving.web.streaming import ClientLeft

_log = logging.getLogger(__name__)
_WITHOUT_KEY = re.compile(r"/|/health|/page/[\w.-]+")
"""Whether the server is alive, and the chat page, which holds no data."""
_LEFT = 499
"""What servers log for a client that did not wait; nobody receives it."""
Handler = Callable[[Request], Awaitable[Response]]


def application(service: Service, key: str | None, hosts: list[str] | None) -> ASGIApp:
    """The whole application.

    Args:
        service: answers the routes.
        key: the API key; None needs none.
        hosts: names under which the server may be reached; None allows all.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for path, handler, method in (
        ("/v1/chat/completions", service.chat_completions, "POST"),
        ("/v1/responses", service.responses, "POST"),
        ("/v1/models", service.models, "GET"),
        ("/v1/models/{name:path}", service.model, "GET"),
        ("/metrics", service.read_metrics, "GET"),
        ("/health", service.health, "GET"),
        *((path, page_file, "GET") for path in PAGE_PATHS),
    ):
        app.add_route(path, _told(handler, path, service.metrics), methods=[method])
    app.add_exception_handler(HTTPException, _http_error)
    return Guard(app, key, hosts, lambda path: bool(_WITHOUT_KEY.fullmatch(path)))


def _told(handler: Handler, path: str, metrics: Metrics) -> Handler:
    """The handler, counted, whose errors become OpenAI's; whatever is none of ours is logged and not shown."""

    async def answer(request: Request) -> Response:
        began = time.monotonic()
        response, reason = await _answered(handler, request)
        took = time.monotonic() - began
        metrics.requests.labels(path, str(response.status_code)).inc()
        metrics.request_seconds.labels(path).observe(took)
        if path.startswith("/v1/"):
            why = f", {cut(reason)}" if reason else ""
            where = cut(request.url.path)
            _log.info("%s %s: %d after %.2f s%s", request.method, where, response.status_code, took, why)
        return response

    return answer


async def _answered(handler: Handler, request: Request) -> tuple[Response, str]:
    """The response, and why a request was refused; empty where it was not."""
    try:
        return await handler(request), ""
    except ApiError as error:
        return JSONResponse(error.as_json(), error.status, headers=error.headers), error.message
    except (ClientLeft, ClientDisconnect):
        return Response(status_code=_LEFT), "the client left"
    except Exception:
        _log.exception("A request failed.")
        failed = internal_error()
        return JSONResponse(failed.as_json(), failed.status), ""


async def _http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses, in OpenAI's shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = "The server has no such path." if status == 404 else "The path does not take this method."
    _log.info("%s %s: %d, %s", request.method, cut(request.url.path), status, message)
    told = ApiError(message, code="not_found" if status == 404 else "method_not_allowed", status=status)
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(told.as_json(), status, headers=headers)
