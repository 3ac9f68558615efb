"""The chat page: static files of the package, served with a policy that lets it load nothing else."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from macaw_cli.serving.api_errors import ApiError

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
    "media-src data: blob:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",
}


async def page_file(request: Request) -> Response:
    """`/`, `/app.js` or `/style.css`.

    Raises:
        ApiError: there is no such file.
    """
    name = request.url.path.removeprefix("/") or "index.html"
    file = files("macaw_cli.serving") / "page" / name
    if not file.is_file():
        raise ApiError("This server has no chat page.", code="not_found", status=404)
    kind = next(kind for ending, kind in _TYPES.items() if name.endswith(ending))
    return Response(file.read_bytes(), media_type=kind, headers=_HEADERS)
