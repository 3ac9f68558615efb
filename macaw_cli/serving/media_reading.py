"""Media of a request, from bytes to the features that the model takes: outside the event loop, one at a time."""

import asyncio
import itertools
import logging
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import MacawError
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.content_parts import Medium, Message

_log = logging.getLogger(__name__)
Conversation = tuple[list[dict[str, Any]], list[Attachment]]
"""Canonical messages, and the media in them in order of appearance."""


class MediaReader:
    """Reads the media of requests.

    Args:
        attacher: of the model.
        settings: limits of one medium.
    """

    def __init__(self, attacher: Attacher, settings: ServeSettings) -> None:
        self._attacher, self._settings = attacher, settings
        self._encoding = ThreadPoolExecutor(1, "encoding")

    async def read(self, messages: Sequence[Message]) -> Conversation:
        """The conversation with its media read.

        Raises:
            ApiError: a medium cannot be used.
        """
        found: dict[int, list[Attachment]] = {}
        for medium in (medium for message in messages for medium in message.media):
            found[id(medium)] = await self._attached(medium)
        return _canonical(messages, found)

    async def close(self) -> None:
        """End the threads."""
        self._encoding.shutdown(wait=False, cancel_futures=True)

    async def _attached(self, medium: Medium) -> list[Attachment]:
        if medium.url:
            raise ApiError("This server fetches no media. Send the file itself as a data URL.", param=medium.place)
        return await asyncio.get_running_loop().run_in_executor(self._encoding, self._attach, medium)

    def _attach(self, medium: Medium) -> list[Attachment]:
        with tempfile.TemporaryDirectory(prefix="macaw-serve-") as folder:
            file = Path(folder, "medium")
            file.write_bytes(medium.content)
            try:
                return self._attacher.attach(file, medium.modality)
            except MacawError as error:
                _log.info("%s was refused: %s", medium.place, error)
                message = f"{medium.place} cannot be read as {medium.modality}."
                raise ApiError(message, param=medium.place, code="invalid_media") from None


def _canonical(messages: Sequence[Message], found: dict[int, list[Attachment]]) -> Conversation:
    """Canonical messages: media of the first user message stand before everything, as in the training data.

    Unless text stands between them, in which case all media keep their places.
    """
    first = next((message for message in messages if message.role == "user"), None)
    unplaced = first is not None and not _is_interleaved(first)
    canonical: list[dict[str, Any]] = []
    attachments: list[Attachment] = []
    for message in messages:
        attached = [item for medium in message.media for item in found[id(medium)]]
        if message is first and unplaced:
            attached = sorted(attached, key=_order)
            canonical.append({"role": message.role, "content": _text_of(message)})
        elif message.media:
            canonical.append({"role": message.role, "content": _parts_of(message, found)})
        else:
            canonical.append({"role": message.role, "content": _text_of(message)})
        attachments += attached
    return canonical, attachments


def _is_interleaved(message: Message) -> bool:
    """Whether text stands before a medium and after another one."""
    kinds = [isinstance(part, Medium) for part in message.parts if not (isinstance(part, str) and not part.strip())]
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    return changes > 1


def _text_of(message: Message) -> str:
    return "\n".join(part for part in message.parts if isinstance(part, str))


def _parts_of(message: Message, found: dict[int, list[Attachment]]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        else:
            parts += [{"type": item.modality} for item in found[id(part)]]
    return parts


def _order(attachment: Attachment) -> tuple[int, bool]:
    """In the order of the table; soundtracks behind other audio."""
    return MODALITIES.index(attachment.modality), attachment.soundtrack
