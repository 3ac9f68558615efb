"""The LLM of another server answers: here media become embeddings, which are sent there between or with the texts."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.inference.conversations import soft_tokens_by_kind, told_and_fed
from macaw_cli.inference.prompt_embeds import PART, ChatForm, encoded, whole_prompt
from macaw_cli.inference.sampling import effective
from macaw_cli.model.media_embedder import MediaEmbedder
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.serving.answers.answering import Event, Finished, Question
from macaw_cli.serving.answers.question_requests import request_of
from macaw_cli.serving.api_errors import ApiError, shutting_down, too_busy
from macaw_cli.serving.backend.backend import Backend
from macaw_cli.serving.backend.replies import pieces_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """One question as the backend is sent it."""

    chat: bool
    fields: dict[str, Any]
    prompt_tokens: int
    soft_tokens: dict[str, int]
    top_logprobs: int


class RemoteLlm:
    """An `Answerer` whose LLM is in another server.

    Args:
        embedder: makes the embeddings.
        encoder: the `ConversationEncoder` that belongs to it.
        settings: how many answers may be asked for at a time.
        backend: the other server.
    """

    def __init__(
        self, embedder: MediaEmbedder, encoder: ConversationEncoder, settings: ServeSettings, backend: Backend
    ) -> None:
        self._embedder, self._encoder, self._settings, self._backend = embedder, encoder, settings, backend
        self._chats = ChatForm(encoder) if backend.takes_chats else None
        self._prompts = ThreadPoolExecutor(1, "prompts")
        self._client: Any = None
        self._running = self._preparing = 0
        self._closed = False

    @property
    def running(self) -> int:
        """Answers that the backend is asked for."""
        return self._running

    @property
    def waiting(self) -> int:
        """Questions whose media are being looked at."""
        return self._preparing

    async def submit(self, question: Question) -> AsyncGenerator[Event]:
        """See `Answerer.submit`. Closing the generator closes the connection, at which the backend stops."""
        asked = await self._prepared(question)
        self._running += 1
        try:
            async with aclosing(self._answer(asked)) as events:
                async for event in events:
                    yield event
        finally:
            self._running -= 1

    async def close(self) -> None:
        """See `Answerer.close`."""
        self._closed = True
        self._prompts.shutdown(wait=False)  # those that wait are prepared, and told that the server ends
        if self._client is not None:
            await self._client.close()

    async def _prepared(self, question: Question) -> Asked:
        if self._preparing + self._running >= self._settings.max_waiting + self._settings.rows:
            raise too_busy()
        self._preparing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._prompts, self._asked, question)
        except RuntimeError:  # the threads take no more work
            if self._closed:
                raise shutting_down() from None
            raise
        finally:
            self._preparing -= 1

    def _asked(self, question: Question) -> Asked:
        request = request_of(self._embedder, self._encoder, question, self._settings.max_new_tokens)
        embeds = whole_prompt(self._embedder, request)
        fields: dict[str, Any] = {
            "model": self._backend.model, "max_tokens": request.max_new_tokens, "seed": question.seed,
            "stream": True, "stream_options": {"include_usage": True},
            **_sampling(effective(self._embedder, question.sampling)), **_format(question.sampling.constraint),
        }  # fmt: skip
        fields |= {"stop": list(question.stop)} if question.stop else {}
        said = told_and_fed(self._embedder.config, question.messages, question.attachments)
        messages = self._chats and self._chats.messages(*said, embeds)
        top = question.top_logprobs
        if messages:
            fields |= {"messages": messages} | ({} if top is None else {"logprobs": True, "top_logprobs": top})
        else:
            fields |= {"prompt": None, PART: encoded(embeds)} | ({} if top is None else {"logprobs": top})
        soft = soft_tokens_by_kind(question.attachments, self._embedder.config)
        return Asked(bool(messages), fields, embeds.shape[0], soft, top or 0)

    async def _answer(self, asked: Asked) -> AsyncGenerator[Event]:
        """The events of one answer; what goes wrong is told without the backend's words.

        Raises:
            ApiError: with status 502 or 504.
        """
        import openai

        if self._client is None:
            self._client = self._backend.client()
        path = "/chat/completions" if asked.chat else "/completions"
        kind: Any = openai.types.chat.ChatCompletionChunk if asked.chat else openai.types.Completion
        streamed: Any = openai.AsyncStream
        try:
            stream = await self._client.post(
                path, cast_to=kind, body=asked.fields, stream=True, stream_cls=streamed[kind]
            )
            try:
                async for event in _events(stream, asked):
                    yield event
            finally:
                await stream.close()
        except ApiError:
            raise
        except Exception as error:  # within an answer the client also raises what its HTTP and JSON libraries do
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> ApiError:
        """What a client is told, by who is to blame."""
        kind = type(error).__name__
        if self._closed:
            return shutting_down()
        if kind.endswith(("Timeout", "TimeoutError")):
            _log.warning("The backend was silent for %g s.", self._backend.timeout_s)
            message = "The server that runs the LLM did not answer in time."
            return ApiError(message, param=None, code="backend_timeout", status=504)
        _log.warning("The backend failed: %s: %s", kind, error)
        return backend_failed()


def backend_failed() -> ApiError:
    """The other server is to blame; what it said stands in the log."""
    message = "The server that runs the LLM failed to answer."
    return ApiError(message, param=None, code="backend_error", status=502)


async def _events(stream: AsyncIterator[Any], asked: Asked) -> AsyncGenerator[Event]:
    reason, usage = None, None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices[:1]:
            for piece in pieces_of(choice, asked.top_logprobs):
                yield piece
            reason = choice.finish_reason or reason
    if reason is None:  # the stream broke off
        _log.warning("The backend ended an answer without saying why.")
        raise backend_failed()
    details = getattr(usage, "prompt_tokens_details", None)
    yield Finished(
        reason="length" if reason == "length" else "stop",
        prompt_tokens=usage.prompt_tokens if usage else asked.prompt_tokens,
        completion_tokens=usage.completion_tokens if usage else 0,
        cached_tokens=getattr(details, "cached_tokens", None) or 0, soft_tokens=asked.soft_tokens,
    )  # fmt: skip


def _sampling(config: Any) -> dict[str, Any]:
    """Fields of OpenAI's API, and of vLLM's, which samples unless it is told not to.

    Args:
        config: the `generation_config` that holds.
    """
    names = ("top_p", "top_k", "min_p") if config.do_sample else ()
    said = {name: getattr(config, name, None) for name in names}
    said["repetition_penalty"] = None if config.repetition_penalty == 1.0 else config.repetition_penalty
    temperature = (config.temperature or 1.0) if config.do_sample else 0.0
    return {"temperature": temperature, **{name: value for name, value in said.items() if value is not None}}


def _format(constraint: str | None) -> dict[str, Any]:
    """The field of OpenAI's API, and of vLLM's, that keeps an answer to a form."""
    if constraint is None:
        return {}
    schema = {"name": constraint, "schema": {"type": constraint}}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def some_embeds(embedder: MediaEmbedder) -> torch.Tensor:
    """Embeddings (2, D) of two tokens, to try a backend with."""
    ids = torch.zeros(1, 2, dtype=torch.long, device=embedder.device)
    return embedder.prompt_embeds({"input_ids": ids})
