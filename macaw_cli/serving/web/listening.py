"""Where the server listens, and with which key: known before anything heavy is loaded, and told at once."""

import os
import socket
from ipaddress import ip_address

from macaw_cli.basics.errors import InputError, ResourceError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.serve_settings import ServeSettings

SHORTEST_KEY = 8


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def api_key(workspace: Workspace) -> str | None:
    """The API key of the workspace's settings; None where there is none.

    Raises:
        InputError: its file cannot be read.
        UsageError: it is too short, holds more than visible ASCII characters, or there is none although the server
            can be reached from other machines.
    """
    settings = workspace.settings.serve
    key = os.environ.get(settings.api_key_variable)
    where = f"the environment variable {settings.api_key_variable}"
    if settings.api_key_file:
        path = workspace.path(settings.api_key_file)
        where = f"serve.api_key_file ({path})"
        try:
            key = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise InputError(f"{where} cannot be read.", "Correct the path, or the rights of the file.") from None
    if key is None:
        _require_loopback(settings)
        return None
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        problem = f"The API key in {where} must have at least {SHORTEST_KEY} visible ASCII characters."
        raise UsageError(problem, "For example: openssl rand -hex 24")
    return key


def listening_socket(settings: ServeSettings) -> socket.socket:
    """A socket that listens where the settings say; opened before a model is loaded, which takes longer.

    Raises:
        UsageError: the host is no address of this machine.
        ResourceError: the port is taken, or may not be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise UsageError(f"serve.host {settings.host!r} is no address of this machine.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(socket.SOMAXCONN)
    except OSError as error:
        listening.close()
        problem = f"Cannot listen at {settings.host} port {settings.port}: {error.strerror or error}."
        raise ResourceError(problem, "Choose another port: --port 0 takes a free one.") from None
    return listening


def _require_loopback(settings: ServeSettings) -> None:
    if not is_loopback(settings.host):
        raise UsageError(
            f"serve.host is {settings.host}, which other machines can reach, but there is no API key.",
            f"Set the environment variable {settings.api_key_variable}, or serve.api_key_file.",
        )
