"""Where the backend is: whether its URL and key can be used and something listens there, known without torch."""

import os
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import without_secrets
from macaw_cli.config.backend_settings import BackendSettings

CONNECT_S = 10.0
_NO_KEY = "none"
"""Sent to servers that ask for no key."""
_PORTS = {"http": 80, "https": 443}


def require_listening(settings: BackendSettings) -> None:
    """Refuse a backend at which nothing listens; where a proxy leads to it, that is found later.

    Raises:
        UsageError: its URL or key is none.
        InputError: it cannot be reached.
    """
    backend_key(settings)
    parts = urlsplit(settings.url)
    host = str(parts.hostname)
    proxies = getproxies()
    if (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(host):
        return
    try:
        address = host, parts.port or _PORTS[parts.scheme]
        socket.create_connection(address, timeout=min(settings.timeout_s, CONNECT_S)).close()
    except (OSError, UnicodeError):
        raise silent(settings.url) from None


def silent(url: str) -> InputError:
    """The error for a backend that does not answer."""
    return InputError(f"The backend {without_secrets(url)} does not answer.", "Start it, or correct --backend.")


def backend_key(settings: BackendSettings) -> str:
    """The API key of the backend, or what is sent where there is none.

    Raises:
        UsageError: its URL is none of http or https, or the key holds characters that no key has.
    """
    try:
        parts = urlsplit(settings.url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in settings.url:
        told = without_secrets(settings.url)
        raise UsageError(f"--backend is not an HTTP URL: {cut(told)}.", "For example http://localhost:8001/v1.")
    key = os.environ.get(settings.api_key_variable, "").strip()
    if not key.isascii() or not (key or "a").isprintable():
        problem = f"{settings.api_key_variable} holds characters that no API key has."
        raise UsageError(problem, "Copy the key again.")
    return key or _NO_KEY
