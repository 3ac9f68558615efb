"""No secret of a URL is shown or written down, in whatever text it stands: messages, tables, reports, traces.

`without_secrets` is for one URL whose beginning and end are known. Here they are looked for, which is done once at each
door: the console, errors, and the files that describe a run.
"""

import logging
import re
import warnings
from typing import Any

from macaw_cli.basics.terminal_text import lines
from macaw_cli.basics.urls import without_secrets

_URL_IN_TEXT = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>`\x00-\x1f\x7f]+")
_PART = r"[^\s\"'<>`\x00-\x1f\x7f]*"
_FLATTENED = re.compile(rf"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]+):/(?!/)({_PART}[@?]{_PART})")
"""A URL that was taken for a path, which has one slash where it had two."""
_ONE_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+://\S+")
_FORMAT_WARNING = warnings.formatwarning
_ENDS = ".,;:!)]}"
"""Belong to the sentence around a URL when they stand at its end."""
_LOOSE = re.compile(
    r"(?i)(?<=[?&;])(x-(?:amz|goog)-[\w-]+|awsaccesskeyid|sig|signature|(?:[\w-]*[_-])?(?:token|secret|password|key))"
    r"=[^\s&\"'<>]+"
)
"""Parameters of a URL with a space in it, which a text cuts in two."""


def redacted(text: str) -> str:
    """`text` with every URL in it as `without_secrets` shows it."""
    if ":/" not in text:  # nearly every text
        return text
    text = _FLATTENED.sub(lambda found: without_secrets(f"{found[1]}://{found[2]}").replace("://", ":/", 1), text)
    return _LOOSE.sub(r"\1=...", _URL_IN_TEXT.sub(_shown, text))


def redacted_tree(content: Any) -> Any:
    """What JSON or YAML holds, with every text in it, keys too, as `redacted` shows it."""
    if isinstance(content, str):
        return without_secrets(content) if _ONE_URL.fullmatch(content) else redacted(content)
    if isinstance(content, dict):
        return {redacted_tree(key): redacted_tree(value) for key, value in content.items()}
    return [redacted_tree(item) for item in content] if isinstance(content, list | tuple) else content


def guard_logs() -> None:
    """From now on what libraries log or warn of in this process is redacted and safe to show, too.

    Both may quote file names and the content of files; tracebacks go through the console.
    """
    logging.setLogRecordFactory(_Record)
    warnings.formatwarning = _warning


class _Record(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802, a name of logging
        return redacted(lines(super().getMessage()))


def _warning(*told: Any, **more: Any) -> str:
    return redacted(lines(_FORMAT_WARNING(*told, **more)))


def _shown(found: re.Match[str]) -> str:
    url = found[0]
    bare = url.rstrip(_ENDS)
    if bare.lower().startswith("file://"):
        return url
    return without_secrets(bare) + url[len(bare) :]
