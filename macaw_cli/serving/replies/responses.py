"""Replies of `POST /v1/responses`: whole, or as the events of OpenAI's API."""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from macaw_cli.serving.answers.answering import Event, Finished, TokenLogprob
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.replies.token_fields import logprob_fields, media_tokens
from macaw_cli.serving.requests.responses import ResponsesRequest

Sent = tuple[str, dict[str, Any]]
"""The type of an event, and the event."""


class ResponseReply:
    """Turns the events of one answer into what OpenAI's API sends.

    Args:
        model: its name.
        asked: the request.
    """

    def __init__(self, model: str, asked: ResponsesRequest) -> None:
        self._model, self._asked = model, asked
        self._id, self._item_id = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self._created, self._number = int(time.time()), -1
        self._texts: list[str] = []
        self._tokens: list[TokenLogprob] = []

    async def whole(self, events: AsyncIterator[Event]) -> dict[str, Any]:
        """The `response` object."""
        end: Finished | None = None
        async for event in events:
            if isinstance(event, Finished):
                end = event
            else:
                self._texts.append(event.text)
                self._tokens += [event.token] if event.token else []
        return self._response(end)

    async def sent(self, events: AsyncIterator[Event]) -> AsyncGenerator[Sent]:
        """The events of a stream; an error on the way becomes the last of them."""
        yield self._event("response.created", response=self._response(None))
        yield self._event("response.in_progress", response=self._response(None))
        at: dict[str, Any] = {"output_index": 0}
        inside = {**at, "item_id": self._item_id, "content_index": 0}
        yield self._event("response.output_item.added", **at, item=self._item("in_progress", []))
        yield self._event("response.content_part.added", **inside, part=self._part())
        try:
            async for event in events:
                if isinstance(event, Finished):
                    for one in self._last(event, at, inside):
                        yield one
                elif event.text or event.token:
                    self._texts.append(event.text)
                    tokens = [event.token] if event.token else []
                    self._tokens += tokens
                    told = [logprob_fields(token) for token in tokens] if self._with_logprobs else []
                    yield self._event("response.output_text.delta", **inside, delta=event.text, logprobs=told)
        except ApiError as error:
            failed = {"code": "server_error", "message": error.message}
            response = {**self._response(None), "status": "failed", "error": failed}
            yield self._event("response.failed", response=response)

    @property
    def _with_logprobs(self) -> bool:
        return self._asked.top_logprobs is not None

    def _last(self, end: Finished, at: dict[str, Any], inside: dict[str, Any]) -> list[Sent]:
        response = self._response(end)
        part = self._part()
        done = {"text": part["text"], "logprobs": part["logprobs"]}
        return [
            self._event("response.output_text.done", **inside, **done),
            self._event("response.content_part.done", **inside, part=part),
            self._event("response.output_item.done", **at, item=response["output"][0]),
            self._event(f"response.{response['status']}", response=response),
        ]

    def _event(self, kind: str, **content: Any) -> Sent:
        self._number += 1
        return kind, {"type": kind, "sequence_number": self._number, **content}

    def _part(self) -> dict[str, Any]:
        logprobs = [logprob_fields(token) for token in self._tokens] if self._with_logprobs else []
        return {"type": "output_text", "text": "".join(self._texts), "annotations": [], "logprobs": logprobs}

    def _item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._item_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _response(self, end: Finished | None) -> dict[str, Any]:
        status = "in_progress" if end is None else "incomplete" if end.reason == "length" else "completed"
        output = [] if end is None else [self._item(status, [self._part()])]
        details = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            "id": self._id, "object": "response", "created_at": self._created, "status": status, "error": None,
            "incomplete_details": details, "instructions": self._asked.instructions, "model": self._model,
            "max_output_tokens": self._asked.max_output_tokens, "output": output, "parallel_tool_calls": False,
            "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False,
            "text": {"format": {"type": "text"}}, "tool_choice": "none", "tools": [], "truncation": "disabled",
            "top_logprobs": self._asked.top_logprobs or 0, "usage": None if end is None else _usage(end),
            **self._asked.told,
        }  # fmt: skip


def _usage(end: Finished) -> dict[str, Any]:
    return {
        "input_tokens": end.prompt_tokens,
        "input_tokens_details": {"cached_tokens": end.cached_tokens, "cache_write_tokens": 0, **media_tokens(end)},
        "output_tokens": end.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }
