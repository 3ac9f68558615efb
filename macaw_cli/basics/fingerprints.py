"""Hashes that say whether two things are the same, and the check of format versions."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.regular_files import open_regular

_CHUNK = 1 << 20


def fingerprint(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of `content` as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()[:16]


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        InputError: it is no regular file.
        OSError: there is no such file.
    """
    with open_regular(path) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sha256_range(path: Path, offset: int, size: int) -> str:
    """SHA-256, in hex, of the `size` bytes of a file from `offset` on.

    Raises:
        OSError: there is no such file, or it ends before.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(offset)
        while size and (chunk := file.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
    if size:
        raise OSError(0, "the file ends before it")
    return digest.hexdigest()


def require_version(found: Any, supported: int, path: Path) -> None:
    """Refuse a file that a newer macaw wrote.

    Raises:
        MismatchError: `found` is not a version number, or newer than `supported`.
    """
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise MismatchError(
            f"{path} has no valid format version (found {found!r}).", "It was not written by macaw, or it is damaged."
        )
    if found > supported:
        raise MismatchError(
            f"{path} has format version {found}, but this macaw reads only up to {supported}.",
            f"Install a macaw that reads version {found}: pip install --upgrade macaw-cli.",
        )


def fingerprint_difference(
    stored: Mapping[str, Any], found: Mapping[str, Any], *, names_count: bool = False
) -> dict[str, tuple[Any, Any]]:
    """The fields in which two encoder fingerprints differ, each with both values (None: absent); empty when they agree.

    The model's name is for people: a renamed folder with the same weights makes the same features. So it is left out
    where both sides have the hash of the weights.

    Args:
        stored: one fingerprint.
        found: the other.
        names_count: compare the names as well.

    Returns:
        By dotted field name, such as `preprocessing.size`.
    """
    different = dict(_differing(stored, found))
    if not names_count and stored.get("weights") and found.get("weights"):
        different.pop("model", None)
    return different


def _differing(a: Any, b: Any, prefix: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in {**a, **b}:
            yield from _differing(a.get(name), b.get(name), f"{prefix}{name}.")
    elif fingerprint(a) != fingerprint(b):
        yield prefix.rstrip("."), (a, b)
