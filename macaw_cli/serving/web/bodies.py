"""Bodies of requests: each only so large and so slow, and all together only so large."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import Request

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.api_errors import ApiError, too_busy


class Bodies:
    """Bodies that are being read, or whose media are.

    Args:
        settings: limits.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings, self._held = settings, 0

    @asynccontextmanager
    async def body_of(self, request: Request) -> AsyncGenerator[bytes]:
        """The whole body, which counts as held inside the block.

        Raises:
            ApiError: it is too large, too slow, not all of it came, or too much is held already.
        """
        limit = self._settings.max_request_megabytes * 1_000_000
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
            raise self._too_large()
        pieces: list[bytes] = []
        try:
            await self._read(request, pieces, limit)
            yield b"".join(pieces)
        finally:
            self._held -= sum(map(len, pieces))

    async def _read(self, request: Request, pieces: list[bytes], limit: int) -> None:
        most, size = self._settings.max_pending_megabytes * 1_000_000, 0
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                async for piece in request.stream():
                    size += len(piece)
                    if size > limit:
                        raise self._too_large()
                    if self._held + len(piece) > most:
                        raise too_busy()
                    pieces.append(piece)
                    self._held += len(piece)
        except TimeoutError:
            message = f"The request took longer than {self._settings.request_timeout_s:g} s to arrive."
            raise ApiError(message, code="request_timeout", status=408) from None

    def _too_large(self) -> ApiError:
        message = f"The body is larger than {self._settings.max_request_megabytes} MB."
        return ApiError(message, code="request_too_large", status=413)
