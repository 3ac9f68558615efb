"""Media that a request names by URL, fetched so that nobody can send the server into its own network.

A URL is parsed once, its host resolved once, and the address that was checked is the one that is dialled; so it is for
every redirect. No proxy of the environment is used, which would resolve the name again.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from macaw_cli.serving.media.public_addresses import is_public

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
"""What parsers disagree about: white space, control characters, a backslash."""
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 1 << 16
Resolve = Callable[[str, int], list[str]]


class NotFetched(Exception):
    """A URL that cannot or must not be fetched.

    Args:
        reason: completes the sentence "The URL ..."; never what a library said.
        code: a word for programs.
        cause: what the library said, for the log alone; empty where there is no more to say.
    """

    def __init__(self, reason: str, code: str = "media_not_fetched", cause: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code, self.cause = reason, code, cause


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """How much one medium may take.

    Attributes:
        nbytes: of the file.
        seconds: for everything, redirects included.
        hops: redirects that are followed.
        resolve: host and port to addresses.
        allowed: tells addresses that may be dialled.
    """

    nbytes: int
    seconds: float
    hops: int = 3
    resolve: Resolve = lambda host, port: addresses_of(host, port)
    allowed: Callable[[str], bool] = is_public


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def fetch(url: str, limits: FetchLimits) -> bytes:
    """The content at a URL.

    Raises:
        NotFetched: it is malformed, leads to an address that is not public, or cannot be fetched within the limits.
    """
    deadline = time.monotonic() + limits.seconds
    for _ in range(limits.hops + 1):
        parts = _parsed(url)
        try:
            content, location = _answer(parts, limits, deadline)
        except (OSError, HTTPException, ValueError) as error:
            over = time.monotonic() >= deadline
            reason = f"was not fetched within {limits.seconds:g} s" if over else "cannot be fetched"
            raise NotFetched(reason, cause=f"{type(error).__name__}: {error}") from None
        if location is None:
            return content
        url = urljoin(url, location)
    raise NotFetched(f"redirects more than {limits.hops} times")


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a malformed port raises ValueError
    except ValueError:
        raise NotFetched("is malformed", "invalid_url") from None
    if parts.scheme not in _PORTS or not host or _ODD.search(url) or "@" in parts.netloc:
        raise NotFetched("is malformed, or not one of http or https", "invalid_url")
    if not _HOST.fullmatch(parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc):
        raise NotFetched("is malformed", "invalid_url")
    return parts


def _answer(parts: SplitResult, limits: FetchLimits, deadline: float) -> tuple[bytes, str | None]:
    """The content, or where a redirect leads."""
    host = str(parts.hostname)
    port = parts.port or _PORTS[parts.scheme]
    addresses = limits.resolve(host, port)
    if not addresses or not all(limits.allowed(address) for address in addresses):
        raise NotFetched("leads to an address that is not public", "url_not_allowed")
    connection = _Connected(host, parts.scheme == "https", (addresses[0], port), deadline)
    try:
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
        headers = {"Host": parts.netloc, "Accept-Encoding": "identity", "User-Agent": "macaw", "Connection": "close"}
        connection.request("GET", path + query, headers=headers)
        with connection.getresponse() as response:
            if response.status in _REDIRECTS:
                return b"", response.getheader("Location") or ""
            if response.status != 200:
                raise NotFetched(f"was answered with HTTP status {response.status}")
            content = _read(response, limits.nbytes)
            if response.length or time.monotonic() >= deadline:
                raise ConnectionError("the answer is not complete")
            return content, None
    finally:
        connection.end()


def _read(response: HTTPResponse, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE):
        size += len(piece)
        if size > limit:
            raise NotFetched(f"leads to a file of more than {limit / 1e6:g} MB", "media_too_large")
        pieces.append(piece)
    return b"".join(pieces)


class _Connected(HTTPConnection):
    """A connection to an address that was checked; at the deadline it is cut, however slowly bytes come."""

    def __init__(self, host: str, secure: bool, address: tuple[str, int], deadline: float) -> None:
        super().__init__(host)
        left = max(deadline - time.monotonic(), 0.001)
        dialled = socket.create_connection(address, timeout=left)
        if secure:
            try:
                dialled = ssl.create_default_context().wrap_socket(dialled, server_hostname=host)
            except BaseException:
                dialled.close()
                raise
        self.sock = self._dialled = dialled
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0.001), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Close the connection; `close` is called when the answer begins, too."""
        self._timer.cancel()
        self.close()
        self._dialled.close()

    def _cut(self) -> None:
        with suppress(OSError):  # closed already
            self._dialled.shutdown(socket.SHUT_RDWR)
