"""The body of a request: only so large, and only so slow."""

import asyncio

from starlette.requests import Request

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.api_errors import ApiError


async def read_body(request: Request, settings: ServeSettings) -> bytes:
    """The whole body.

    Raises:
        ApiError: it is too large, too slow, or not all of it came.
    """
    limit = settings.max_request_megabytes * 1_000_000
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(settings)
    try:
        async with asyncio.timeout(settings.request_timeout_s):
            return await _read(request, limit, settings)
    except TimeoutError:
        message = f"The request took longer than {settings.request_timeout_s:g} s to arrive."
        raise ApiError(message, code="request_timeout", status=408) from None


async def _read(request: Request, limit: int, settings: ServeSettings) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _too_large(settings)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(settings: ServeSettings) -> ApiError:
    message = f"The body is larger than {settings.max_request_megabytes} MB."
    return ApiError(message, code="request_too_large", status=413)
