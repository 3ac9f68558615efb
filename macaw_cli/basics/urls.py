"""Places beyond this machine's folders: what is a URL, what it is called, and what must not be written down of it."""

import os
import re
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_HARMLESS = frozenset((
    "alt", "crop", "dl", "download", "fit", "fm", "fmt", "format", "h", "height", "lang", "page", "quality", "raw",
    "ref", "revision", "size", "version", "versionid", "w", "width",
))  # fmt: skip
"""Parameters whose values may be seen, as long as they look like these: names of formats, numbers, revisions."""
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._-]{0,40}|~[0-9a-f]{8}")
_OF_WHO_ASKS = re.compile(
    r"x-(amz|goog|ms|oss|cos)-.*|(aws|oss)accesskeyid|googleaccessid|key-pair-id|policy|expires|s[eprv]|st|spr|sip|ss|srt"
    r"|sk[esvt]|sk[ot]id|hdn(ts|ea)|jwt|(.*[-_])?(signature|sig|token|secret|password|passwd|pwd|credentials?|auth|session)"
    r"|(api|access|auth|session)[-_]?(key|token|id)|authorization"
)
"""Parameters of signed links (S3, Google, CloudFront, Azure, Akamai) and of logins: not of what is asked for."""
_HASHED = 8
_IS_HASH = re.compile(rf"~[0-9a-f]{{{_HASHED}}}")


def is_url(place: str) -> bool:
    """Whether `place` names something by URL; `file://` is a folder of this machine and counts as none."""
    return bool(_URL.match(place)) and not place.lower().startswith("file://")


def local_place(place: str) -> str:
    """A `file://` URL as the path it means; anything else unchanged."""
    return unquote(place[len("file://") :]) if place.lower().startswith("file://") else place


def absolute_place(place: str) -> str:
    """A path made absolute; a URL unchanged."""
    return place if is_url(place) else os.path.abspath(place)  # noqa: PTH100, a string as all places are


def without_secrets(url: str) -> str:
    """The URL without user, password, and all values of parameters but a few harmless ones: what may be written down.

    The value of another parameter becomes a short hash, so that two files that differ in it are distinguished;
    parameters of signatures and logins are left out, so that a link that is signed anew is the same file. What comes
    out stays as it is when it goes in again.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    web = scheme.lower() in ("http", "https", "ftp", "ftps", "ws", "wss")
    rest, mark, fragment = rest.partition("#")
    place, question, query = rest.partition("?")
    host, slash, path = place.partition("/")
    if "@" in path and re.search(r":.*\D", host.rpartition("@")[2]):  # a slash in the password
        host, slash, path = path.rpartition("@")[2].partition("/")
    shown = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    if parts := [part for part in map(partial(_shown_part, web=web), query.split("&")) if part]:
        shown += question + "&".join(parts)
    kept = mark and not web and "=" not in fragment  # object stores have names with this letter
    return f"{shown}#{fragment}" if kept else shown


def _shown_part(part: str, *, web: bool) -> str:
    """One part of a query; a name of an object store may hold a question mark, too."""
    name, equals, value = part.partition("=")
    if not equals:
        known = not web or unquote(name).lower() in _HARMLESS or _IS_HASH.fullmatch(name) or not name
        return part if known else f"~{_hash(name)}"
    bare = unquote(name).lower()
    if bare in _HARMLESS:
        return part if _PLAIN_VALUE.fullmatch(value) else f"{name}=~{_hash(value)}"
    if _OF_WHO_ASKS.fullmatch(bare):
        return ""
    return part if _IS_HASH.fullmatch(value) else f"{name}=~{_hash(value)}"


def _hash(value: str) -> str:
    import hashlib  # takes longer than all of this file, and few commands need it

    return hashlib.sha256(os.fsencode(value)).hexdigest()[:_HASHED]


def name_of_url(url: str) -> str:
    """What a store calls it: `s3://bucket/birds/a.jpg` is `bucket/birds/a.jpg`."""
    return without_secrets(url).partition("://")[2].strip("/")


def joined(url: str, name: str) -> str:
    """What `name` means inside the folder `url`; a `name` that is a URL stands for itself."""
    return name if is_url(name) else f"{url.rstrip('/')}/{name}"


def folder_of(url: str) -> str:
    """The folder of a remote file."""
    return url.partition("?")[0].rpartition("/")[0]


def extension_of(url: str) -> str:
    """`.jpg`, in small letters; empty when the last part of the path has none."""
    return Path(urlsplit(url).path).suffix.lower()
