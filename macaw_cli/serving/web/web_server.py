"""The web server around the application: where it listens, under which names, and how it ends."""

import asyncio
import math
import socket

import uvicorn

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.web.app import application
from macaw_cli.serving.web.listening import is_loopback
from macaw_cli.serving.web.service import Service

_LONGEST_HEADERS = 64 << 10
_LAST_WORDS_S = 5
"""Seconds in which answers that were ended are told to their clients."""


class WebServer(uvicorn.Server):
    """Serves until a signal comes; then running answers may go on for `serve.grace_s`, and are ended.

    Args:
        service: answers.
        settings: limits and names.
        listening: see `listening.listening_socket`.
        key: the API key; None needs none.
    """

    def __init__(self, service: Service, settings: ServeSettings, listening: socket.socket, key: str | None) -> None:
        self.service, self._grace_s, self._listening = service, settings.grace_s, listening
        host, port = listening.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        hosts = None
        if is_loopback(host) and "*" not in settings.allowed_hosts:
            hosts = ["127.0.0.1", "::1", "localhost", host, settings.host, *settings.allowed_hosts]
        last = math.ceil(settings.grace_s) + _LAST_WORDS_S
        super().__init__(
            uvicorn.Config(
                application(service, key, hosts), http="h11", ws="none", loop="asyncio", lifespan="off",
                log_config=None, access_log=False, server_header=False, proxy_headers=False,
                timeout_graceful_shutdown=last, h11_max_incomplete_event_size=_LONGEST_HEADERS,
            )
        )

    def run_here(self) -> None:
        """Serve in this thread, until a signal comes or `should_exit` is set."""
        asyncio.run(self.serve(sockets=[self._listening]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end, then end them."""
        ending = asyncio.create_task(self._end_later())
        await super().shutdown(sockets)
        ending.cancel()
        await self.service.close()

    async def _end_later(self) -> None:
        await asyncio.sleep(self._grace_s)
        await self.service.answerer.close()
