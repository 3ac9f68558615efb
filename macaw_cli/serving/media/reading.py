"""Media of a request, from bytes or URLs to the features that the model takes; all of it outside the event loop."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.shown_text import cut
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.media.decoding import Decoded
from macaw_cli.media.kinds import HEAD_BYTES, TEXT_BYTES, certain_modality, holds_text
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.size_limits import SizeLimits, TooLarge
from macaw_cli.modalities.table import TABLE
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.media.conversation import Conversation, conversation_of
from macaw_cli.serving.media.decoders import Decoders
from macaw_cli.serving.media.feature_cache import FeatureCache
from macaw_cli.serving.media.held_content import held, suffix_of
from macaw_cli.serving.media.remote_media import FetchLimits, NotFetched, fetch
from macaw_cli.serving.metrics import Metrics
from macaw_cli.serving.requests.content_parts import Medium, Message

_log = logging.getLogger(__name__)
_NAME = "medium"
_FETCHES = 16
"""Most URLs that are fetched at the same time."""


class MediaReader:
    """Reads the media of requests.

    Args:
        attacher: of the model.
        settings: limits of one medium.
        metrics: what is counted.
    """

    def __init__(self, attacher: Attacher, settings: ServeSettings, metrics: Metrics) -> None:
        self._attacher, self._settings, self._metrics = attacher, settings, metrics
        self._decoders = Decoders(settings.decode_timeout_s)
        self._encoding = ThreadPoolExecutor(1, "encoding")
        self._fetching = ThreadPoolExecutor(_FETCHES, "fetching")
        self._cache = FeatureCache(settings.cached_media_megabytes * 1_000_000)
        self._limits = SizeLimits(
            pixels=int(settings.max_megapixels * 1e6), frames=settings.max_frames, seconds=settings.max_media_seconds
        )

    async def read(self, messages: Sequence[Message]) -> Conversation:
        """The conversation with its media read.

        Raises:
            ApiError: a medium cannot be used.
        """
        media = [medium for message in messages for medium in message.media]
        for medium in media:
            self._require_usable(medium)
        found = {id(medium): await self._attached(medium) for medium in media}
        return conversation_of(messages, found)

    async def close(self) -> None:
        """End the threads and processes."""
        self._encoding.shutdown(wait=False, cancel_futures=True)
        self._fetching.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._decoders.close)

    def _require_usable(self, medium: Medium) -> None:
        if medium.modality not in self._attacher.modalities:
            known = ", ".join(TABLE[name].plural for name in self._attacher.modalities) or "text only"
            message = f"The model was not trained on {TABLE[medium.modality].plural}; it knows {known}."
            raise ApiError(message, param=medium.place, code="unsupported_modality")
        if medium.url and not self._settings.allow_remote_media:
            message = f"{medium.place} is a URL, and this server fetches none. Send the file itself as a data URL."
            raise ApiError(message, param=medium.place, code="remote_media_not_allowed")

    async def _attached(self, medium: Medium) -> list[Attachment]:
        content = medium.content or await self._fetched(medium)
        key = await asyncio.to_thread(_sha256, content), medium.modality
        found = self._cache.get(key)
        if found is None:
            found = await self._encoded(medium, content)
            self._cache.put(key, found)
        self._metrics.media.labels(medium.modality).inc()
        return found

    async def _fetched(self, medium: Medium) -> bytes:
        limits = FetchLimits(
            nbytes=self._settings.max_media_megabytes * 1_000_000, seconds=self._settings.remote_timeout_s
        )
        began = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._fetching, fetch, medium.url, limits)
        except NotFetched as error:
            if error.cause:
                _log.info("%s was not fetched: %s", medium.place, cut(error.cause))
            raise ApiError(f"{medium.place}: the URL {error.reason}.", param=medium.place, code=error.code) from None
        finally:
            self._metrics.media_seconds.labels("fetch").observe(time.monotonic() - began)

    async def _encoded(self, medium: Medium, content: bytes) -> list[Attachment]:
        began = time.monotonic()
        try:
            decoded = await self._decoded(medium, content)
            at = time.monotonic()
            self._metrics.media_seconds.labels("decode").observe(at - began)
            encode = partial(self._attacher.encode, Path(_NAME), medium.modality, decoded)
            found = await asyncio.get_running_loop().run_in_executor(self._encoding, encode)
            self._metrics.media_seconds.labels("encode").observe(time.monotonic() - at)
            return found
        except TooLarge as error:
            message = error.problem.replace(_NAME + suffix_of(content), medium.place)
            raise ApiError(message, param=medium.place, code="media_too_large") from None
        except (MismatchError, torch.OutOfMemoryError):  # of this server's encoder: the file is not to blame
            raise
        except Exception as error:  # whatever a library makes of a stranger's file
            known = isinstance(error, InputError)
            why = cut(error.problem) if isinstance(error, InputError) else "a library failed."
            _log.info("%s cannot be used: %s", medium.place, why, exc_info=not known)
            message = f"{medium.place} cannot be read as {_kind_of(medium)} file: {_what_is_wrong(medium, content)}."
            raise ApiError(message, param=medium.place, code="invalid_media") from None

    async def _decoded(self, medium: Medium, content: bytes) -> list[Decoded | NoAudio]:
        """What came of each thing that the encoder and the experts need; one after another, each within the limits."""
        limits: dict[str, Any] = asdict(self._limits)
        outcomes: list[Decoded | NoAudio] = []
        with held(content) as path:
            piece = {"path": path, "offset": 0, "size": len(content), "name": _NAME + suffix_of(content)}
            for request in self._attacher.decodings(Path(_NAME), medium.modality):
                try:
                    wanted: Any = {**request, **piece, "limits": limits}
                    outcomes.append(await self._decoders.decode(wanted))
                except NoAudio as error:  # any other failure would be kept as an answer about this file
                    outcomes.append(error)
        return outcomes


def _kind_of(medium: Medium) -> str:
    return f"{'an' if medium.modality[0] in 'aeiou' else 'a'} {medium.modality}"


def _what_is_wrong(medium: Medium, content: bytes) -> str:
    """Whether the file is another one than the request says, by its first bytes alone."""
    found = certain_modality(content[:HEAD_BYTES])
    row = TABLE[medium.modality]
    if found and not {*row.extensions, *row.file_kinds} & set(TABLE[found].extensions):
        return f"its content is {found}"
    if holds_text(content[:TEXT_BYTES]):
        return "its content is text"
    return "it is damaged, of an unknown format, or takes too long to decode"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
