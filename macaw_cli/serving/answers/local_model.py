"""The model of this process answers: one thread owns it, and all answers are generated there together."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversations import soft_tokens_by_kind
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.prefix_cache import PrefixCache
from macaw_cli.inference.requests import EndEvent, GenerationRequest, TokenEvent
from macaw_cli.inference.requests import Event as EngineEvent
from macaw_cli.inference.row_memory import bytes_of_position, free_bytes
from macaw_cli.serving.answers.answering import (
    LEAST_LOGPROB,
    Event,
    Finished,
    FinishReason,
    Piece,
    Question,
    TokenLogprob,
)
from macaw_cli.serving.answers.generating import Ended, ModelThread
from macaw_cli.serving.answers.question_requests import request_of, too_long
from macaw_cli.serving.answers.token_texts import token_bytes, token_text
from macaw_cli.serving.api_errors import ApiError, internal_error, shutting_down, too_busy

_log = logging.getLogger(__name__)
_JOIN_S = 5.0


class LocalModel:
    """An `Answerer` with the model in this process.

    Args:
        model: in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        settings: how many answers are generated together, and how many may wait.
    """

    def __init__(self, model: Any, encoder: Any, settings: ServeSettings) -> None:
        self._model, self._encoder, self._settings = model, encoder, settings
        self._engine = Engine.of(model, encoder)
        memory = settings.answers_megabytes
        nbytes = free_bytes(model.device) // 2 if memory is None else memory * 1_000_000
        self._positions = nbytes // bytes_of_position(self._engine.llm)
        self._prompts = ThreadPoolExecutor(1, "prompts")
        self._thread = ModelThread(self._new_batch)
        self._preparing = 0

    def _new_batch(self) -> ContinuousBatch:
        kept = self._settings.cached_prompt_megabytes * 1_000_000
        prefixes = PrefixCache(kept) if kept else None
        return ContinuousBatch(
            self._engine, rows=self._settings.rows, positions=self._positions, prefixes=prefixes
        )

    @property
    def running(self) -> int:
        """Answers that are being generated."""
        return min(self._thread.count, self._settings.rows)

    @property
    def waiting(self) -> int:
        """Questions that wait for their turn."""
        return self._preparing + self._thread.count - self.running

    async def submit(self, question: Question) -> AsyncGenerator[Event]:
        """See `Answerer.submit`."""
        request = await self._prepared(question)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[EngineEvent | Exception] = asyncio.Queue()

        def tell(event: EngineEvent | Exception) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(arrived.put_nowait, event)

        try:
            job = self._thread.ask(request, tell)
        except Ended:
            raise shutting_down() from None
        try:
            while True:
                event = await arrived.get()
                if isinstance(event, Exception):
                    raise _told(event)
                if isinstance(event, EndEvent):
                    for one in self._ended(event, question):
                        yield one
                    return
                yield self._piece(event)
        finally:
            self._thread.cancel(job)

    async def close(self) -> None:
        """See `Answerer.close`."""
        self._thread.close()
        self._prompts.shutdown(wait=False)  # those that wait are prepared, and told that the server ends
        await asyncio.to_thread(self._thread.join, _JOIN_S)

    async def _prepared(self, question: Question) -> GenerationRequest:
        if self._preparing + self._thread.count >= self._settings.rows + self._settings.max_waiting:
            raise too_busy()
        self._preparing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._prompts, self._request, question)
        except RuntimeError:  # the threads take no more work
            raise shutting_down() from None
        finally:
            self._preparing -= 1

    def _request(self, question: Question) -> GenerationRequest:
        return request_of(self._model, self._encoder, question, self._settings.max_new_tokens)

    def _piece(self, event: TokenEvent) -> Piece:
        if event.logprob is None:
            return Piece(event.text)
        top = tuple(self._token(token, logprob) for token, logprob in event.top)
        return Piece(event.text, replace(self._token(event.token, event.logprob), top=top))

    def _token(self, token: int, logprob: float) -> TokenLogprob:
        text = token_text(self._encoder.tokenizer, token)
        return TokenLogprob(text, token_bytes(self._encoder.tokenizer, token, text), max(logprob, LEAST_LOGPROB))

    def _ended(self, event: EndEvent, question: Question) -> list[Event]:
        reason: FinishReason = "length" if event.ending == "length" else "stop"
        soft = soft_tokens_by_kind(question.attachments, self._model.config)
        end = Finished(
            reason=reason, prompt_tokens=event.prompt_tokens, completion_tokens=event.completion_tokens,
            cached_tokens=event.reused_tokens, soft_tokens=soft,
        )  # fmt: skip
        return [Piece(event.rest), end] if event.rest else [end]


def _told(error: Exception) -> ApiError:
    """The model's thread has logged what a client must not read."""
    if isinstance(error, Ended):
        return shutting_down()
    return too_long(None) if isinstance(error, InputError) else internal_error()
