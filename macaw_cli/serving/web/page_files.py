"""The chat page: static files of the package, served with a policy that lets it load nothing else."""

from functools import cache
from importlib.resources import files
from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response

from macaw_cli.serving.api_errors import ApiError

PAGE_PATHS = ("/", "/page/{name}")
"""Routes of the page; they need no key, as they hold no data."""
_FOLDER = "page"
_FIRST = "index.html"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
    "media-src data: blob:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",  # what a model says, or a file is called, never becomes markup
))  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",
}


async def page_file(request: Request) -> Response:
    """`/` or a file of the page.

    Raises:
        ApiError: there is no such file.
    """
    name = request.path_params.get("name", _FIRST)
    content = _contents().get(name)
    if content is None:
        raise ApiError("The chat page has no such file.", code="not_found", status=404)
    return Response(content, media_type=_TYPES[PurePath(name).suffix], headers=_HEADERS)


@cache
def _contents() -> dict[str, bytes]:
    """All files of the page by name: no path of a request is looked for on the disk."""
    folder = files("macaw_cli.serving") / _FOLDER
    found = folder.iterdir() if folder.is_dir() else ()
    return {file.name: file.read_bytes() for file in found if PurePath(file.name).suffix in _TYPES}
