"""Places beyond this machine's folders: what is a URL, what it is called, and what must not be written down of it."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_SECRETS = re.compile(
    r"x-(amz|goog)-.*|awsaccesskeyid|signature|expires|key-pair-id|policy|sig|se|sp|sv|sr|(access_)?token"
)
"""Parameters of signed links (S3, Google, CloudFront, Azure) and of tokens."""


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
    """The URL without user, password, signature and token: what may be written down."""
    parts = urlsplit(url)
    kept = [part for part in parts.query.split("&") if not _SECRETS.fullmatch(unquote(part.partition("=")[0]).lower())]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(kept)))


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
