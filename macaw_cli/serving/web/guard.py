"""What every request has to pass before anything of it is read: the host it names, where it comes from, and the key."""

import logging
import secrets
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from macaw_cli.basics.shown_text import cut
from macaw_cli.serving.api_errors import ApiError

_log = logging.getLogger(__name__)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """Middleware around the whole application.

    A page of the web that a user of this machine visits can send requests here, under a name of its own that leads to
    127.0.0.1 as well. So where the server listens to this machine alone, requests must name one of its own addresses,
    and must not come from a page of another origin.

    Args:
        app: what is guarded.
        key: the API key; None needs none.
        hosts: names under which the server may be reached; None allows all.
        without_key: tells paths that need no key.
    """

    def __init__(
        self, app: ASGIApp, key: str | None, hosts: Sequence[str] | None, without_key: Callable[[str], bool]
    ) -> None:
        self._without_key = without_key
        self._app, self._hosts = app, None if hosts is None else frozenset(host.lower() for host in hosts)
        self._key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", _NOTHING)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._require_allowed(scope["path"], Headers(scope=scope))
        except ApiError as error:
            _log.info("%s %s: %d, %s", scope["method"], cut(scope["path"]), error.status, error.message)
            response = JSONResponse(error.as_json(), error.status, headers=error.headers)
            await response(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _require_allowed(self, path: str, headers: Headers) -> None:
        if self._hosts is not None:
            if _host_name(f"//{headers.get('host', '')}") not in self._hosts:
                message = "The Host header names another server. See serve.allowed_hosts."
                raise ApiError(message, code="host_not_allowed", status=403)
            origin = headers.get("origin")
            if origin is not None and _host_name(origin) not in self._hosts:
                message = "Requests from pages of another origin are refused. See serve.allowed_hosts."
                raise ApiError(message, code="origin_not_allowed", status=403)
        if self._key is None or self._without_key(path):
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), self._key):
            message = "The API key is missing or wrong. Send it as 'Authorization: Bearer KEY'."
            raise ApiError(message, code="invalid_api_key", status=401)


def _host_name(url: str) -> str | None:
    """The name of the host in a URL, without port and brackets; None where it is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
