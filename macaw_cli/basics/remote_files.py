"""Files on object stores and web servers through fsspec: opened, fetched and sent, with errors that say what to do.

Credentials are the driver's own business (environment, configuration files, instance roles): none are taken in URLs
that are written down, and none are stored.
"""

import errno
import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from macaw_cli.basics.background import abandonable
from macaw_cli.basics.errors import InputError, MissingDependencyError, ResourceError
from macaw_cli.basics.remote_drivers import PACKAGES
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import without_secrets

T = TypeVar("T")
Info = dict[str, Any]
"""What a driver says of a file: `name`, `size`, `type` and things of its own."""
SERVERS = frozenset(
    ("http", "https", "s3", "s3a", "gs", "gcs", "hf", "abfs", "abfss", "az", "adl", "oss", "oci", "ftp", "sftp",
     "webdav", "webdavs", "hdfs", "webhdfs", "memory")
)  # fmt: skip
"""Kinds of URL that never lead to files of this machine; `local://`, `zip://`, `reference://` and their like do."""
_TYPED = SERVERS | {
    "box", "dbfs", "dropbox", "gdrive", "github", "lakefs", "ocilake", "smb", "ssh", "tos", "tosfs",
}  # fmt: skip
"""What somebody may name who sits at this machine: more servers, with the logins that are kept here."""
_DRIVERS = {"botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "google", "huggingface_hub", "httpx", "requests"}
_IDENTITY = ("ETag", "etag", "Content-MD5", "md5Hash", "crc32c", "blob_id", "checksum", "sha256", "version_id")
_TIMES = ("LastModified", "Last-Modified", "last_modified", "updated", "mtime", "modified", "created")
_TRIES = 4
_FIRST_PAUSE_S = 0.5
_UNREACHABLE = {
    "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "ConnectError",
    "ClientConnectorError", "ClientConnectorDNSError", "ServerDisconnectedError", "ConnectTimeout", "ReadTimeout",
}  # fmt: skip
_NO_WRITING = (405, 501)
"""What web servers answer to a method that they do not have."""
_HOPELESS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
_DENIED_CODES = {
    "401", "403", "AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken",
    "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
_DENIED_ERRORS = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
    "TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "DefaultCredentialsError",
    "RefreshError", "LocalTokenNotFoundError",
}  # fmt: skip
"""What drivers raise when there are no credentials at all, or none that can be renewed."""
_DENIED_BEGINNINGS = ("Forbidden: ", "Anonymous caller", "Access Denied")
"""Of messages of drivers that put no code into what they raise."""


def require_server(url: str) -> None:
    """Refuse kinds of URL that could mean files of this machine, in whatever wrapping.

    Raises:
        InputError: the kind is not in the list, or the URL holds another one (`a::b`).
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in _TYPED or "::" in url:
        kind = "URL inside another" if scheme in _TYPED else f"{scheme[:20]}:// URL"
        problem = f"{cut(without_secrets(url), 60)}: macaw reads no {kind}."
        raise InputError(problem, "See docs/remote.md; name local files by their path.")


def open_filesystem(url: str) -> tuple[Any, str]:
    """The driver of a URL and the path that it calls it by. Folders are listed anew each time.

    Raises:
        MissingDependencyError: the driver is not installed.
        InputError: a kind of URL that is not read, or the network may not be used.
    """
    import fsspec

    scheme = url.partition("://")[0].lower()
    require_server(url)
    if scheme == "hf" and os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise InputError(f"{url} needs the network, but HF_HUB_OFFLINE is set.", "Unset it, or name a local folder.")
    try:
        filesystem, path = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError:
        raise _no_driver(url, scheme) from None
    except ValueError as error:
        if scheme not in fsspec.available_protocols():  # its driver makes the kind of URL known
            raise _no_driver(url, scheme) from None
        problem = f"{without_secrets(url)} is not a valid URL:  {error}."
        raise InputError(problem, "See docs/remote.md.") from None
    return filesystem, path


def _no_driver(url: str, scheme: str) -> MissingDependencyError:
    problem = f"{without_secrets(url)}: the driver of {scheme}:// is not installed."
    return MissingDependencyError(problem, f"pip install {PACKAGES[scheme]}")


@contextmanager
def driver_errors_are_told(url: str, doing: str = "read") -> Iterator[None]:
    """Turn what drivers raise into one line.

    Args:
        url: what is being worked on.
        doing: `read` or `written`.

    Raises:
        InputError: it does not exist, or may not be used.
        ResourceError: it cannot be reached.
    """
    try:
        yield
    except Exception as raised:
        error = cause_of(raised)
        if not is_of_driver(error):
            raise
        shown = without_secrets(url)
        if isinstance(error, NotImplementedError) or getattr(error, "status", None) in _NO_WRITING:
            problem = f"{shown} cannot be {doing}: this kind of URL does not support it."
            raise InputError(problem, "Use a folder, s3:// or gs://.") from None
        if isinstance(error, FileNotFoundError):
            problem, hint = f"There is nothing at {shown}.", "Check the URL, including the name of the bucket."
            raise InputError(problem, hint) from None
        if is_denied(error):
            raise InputError(
                f"{shown} may not be {doing} with the current credentials: {reason_of(error)}.",
                "docs/remote.md says where each kind of store looks for credentials.",
            ) from None
        raise ResourceError(f"{shown} cannot be {doing}: {reason_of(error)}.", "Try again later.") from None


def is_of_driver(error: BaseException) -> bool:
    """Whether a driver, its network library or the operating system raised it: anything else is a bug."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return False  # this machine's disk is no fault of theirs
    return isinstance(error, OSError | NotImplementedError) or type(error).__module__.partition(".")[0] in _DRIVERS


def is_unreachable(error: BaseException) -> bool:
    """Whether it is the connection that failed, and not what was asked for."""
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in _UNREACHABLE


def is_denied(error: BaseException) -> bool:
    """Whether the credentials do not suffice: by codes and kinds alone, as a message may hold any URL."""
    if isinstance(error, PermissionError) or type(error).__name__ in _DENIED_ERRORS:
        return True
    return not _codes_of(error).isdisjoint(_DENIED_CODES) or str(error).startswith(_DENIED_BEGINNINGS)


def _codes_of(error: BaseException) -> set[str]:
    """Status and error codes, where the drivers keep them: aiohttp, gcsfs, requests and httpx, botocore."""
    response = getattr(error, "response", None)
    if (status := getattr(error, "status", None)) is not None:
        return {str(status)}  # the `code` of aiohttp is the same, and warns
    found = [getattr(error, "code", None), getattr(response, "status_code", None)]
    if isinstance(response, dict):
        found += [response.get("Error", {}).get("Code"), response.get("ResponseMetadata", {}).get("HTTPStatusCode")]
    return {str(code) for code in found if code is not None}


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line without a full stop; a web server's answer without the link, which may be signed."""
    if status := getattr(error, "status", None):
        return f"{status} {getattr(error, 'message', '')}".strip()
    text = str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def cause_of(error: BaseException) -> BaseException:
    """What really happened: the driver of web servers calls every failure a file that is not there."""
    cause = error.__cause__
    of_the_web = isinstance(cause, TimeoutError) or type(cause).__module__.startswith("aiohttp")
    if isinstance(error, FileNotFoundError) and cause and of_the_web and getattr(cause, "status", None) != 404:
        return cause
    return error


def with_retries(call: Callable[[], T]) -> T:
    """Do it again after a pause when the network fails; what cannot get better is raised at once.

    Raises:
        Exception: the driver's, of the last try.
    """
    for attempt in range(_TRIES):
        try:
            return abandonable(call)
        except Exception as error:
            cause = cause_of(error)
            hopeless = isinstance(cause, _HOPELESS) or is_denied(cause)
            if attempt == _TRIES - 1 or hopeless or not is_of_driver(cause):
                raise cause from None
        abandonable(functools.partial(time.sleep, _FIRST_PAUSE_S * 2**attempt))
    raise AssertionError("the last try returns or raises")


def stamp_of_info(info: Info) -> str:
    """What changes when a remote file does: its size with its ETag or checksum, else its time; empty if unknown."""
    found = [str(info[key]) for key in _IDENTITY if info.get(key)][:1]
    found = found or [str(info[key]) for key in _TIMES if info.get(key)][:1]
    return f"{info['size']}.{found[0]}.remote" if found and info.get("size") is not None else ""


def remote_info(url: str) -> Info:
    """What the driver says of one remote file, asked anew.

    Raises:
        Exception: the driver's own (see `driver_errors_are_told`).
    """
    filesystem, path = open_filesystem(url)
    found: Info = with_retries(functools.partial(filesystem.info, path))
    return found


def list_folder(url: str) -> dict[str, Info]:
    """The entries of a remote folder by name, sorted; empty when there is no such folder.

    Raises:
        InputError: it may not be read.
        ResourceError: it cannot be reached.
    """
    filesystem, path = open_filesystem(url)
    with driver_errors_are_told(url):
        try:
            entries = with_retries(functools.partial(filesystem.ls, path, detail=True))
        except (FileNotFoundError, NotADirectoryError):
            return {}
    here = path.strip("/").rpartition("/")[2]
    named = {entry["name"].rstrip("/").rpartition("/")[2]: entry for entry in entries
             if entry["name"].strip("/") != path.strip("/")}  # fmt: skip
    named.pop("" if here else "/", None)
    return dict(sorted(named.items()))

