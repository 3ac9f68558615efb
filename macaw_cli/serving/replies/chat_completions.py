"""Replies of `POST /v1/chat/completions`: whole, or in chunks as the answers come."""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.serving.answers.answering import Finished, Piece, TokenLogprob
from macaw_cli.serving.answers.together import Numbered
from macaw_cli.serving.replies.token_fields import logprob_fields, media_tokens


@dataclass
class _Choice:
    """One answer as far as it came."""

    texts: list[str] = field(default_factory=list)
    tokens: list[TokenLogprob] = field(default_factory=list)
    end: Finished | None = None


class ChatReply:
    """Turns the events of a request's answers into what OpenAI's API sends.

    Args:
        model: its name.
        with_logprobs: whether probabilities were asked for.
        include_usage: whether a stream ends with the number of tokens.
        attachments: what the media of the request became.
    """

    def __init__(
        self, model: str, *, with_logprobs: bool, include_usage: bool, attachments: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._model, self._with_logprobs, self._include_usage = model, with_logprobs, include_usage
        self._more = {"macaw": {"attachments": list(attachments)}} if attachments else {}
        self._id, self._created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())
        self._choices: dict[int, _Choice] = {}

    async def whole(self, events: AsyncIterator[Numbered]) -> dict[str, Any]:
        """The `chat.completion` object."""
        async for number, event in events:
            choice = self._choices.setdefault(number, _Choice())
            if isinstance(event, Finished):
                choice.end = event
            else:
                choice.texts.append(event.text)
                choice.tokens += [event.token] if event.token else []
        choices = [self._whole_choice(number, choice) for number, choice in sorted(self._choices.items())]
        return {**self._head("chat.completion"), "choices": choices, "usage": usage_of(self._ends()), **self._more}

    async def chunks(self, events: AsyncIterator[Numbered]) -> AsyncGenerator[dict[str, Any]]:
        """The `chat.completion.chunk` objects."""
        async for number, event in events:
            if number not in self._choices:
                self._choices[number] = _Choice()
                yield self._chunk(number, {"role": "assistant", "content": "", "refusal": None})
            if isinstance(event, Finished):
                self._choices[number].end = event
                yield self._chunk(number, {}, reason=event.reason)
            elif event.text or event.token:
                yield self._chunk(number, {"content": event.text}, event)
        if self._include_usage:
            usage = usage_of(self._ends())
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": usage, **self._more}

    def _ends(self) -> list[Finished]:
        return [choice.end for choice in self._choices.values() if choice.end]

    def _head(self, kind: str) -> dict[str, Any]:
        head = {"id": self._id, "object": kind, "created": self._created, "model": self._model}
        return {**head, "system_fingerprint": None, "service_tier": "default"}

    def _whole_choice(self, number: int, choice: _Choice) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(choice.texts), "refusal": None}
        logprobs = self._logprobs(choice.tokens)
        reason = choice.end.reason if choice.end else None
        return {"index": number, "message": message, "logprobs": logprobs, "finish_reason": reason}

    def _chunk(
        self, number: int, delta: dict[str, Any], piece: Piece | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        logprobs = self._logprobs([piece.token]) if piece and piece.token else None
        choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**chunk, "usage": None} if self._include_usage else chunk

    def _logprobs(self, tokens: list[TokenLogprob]) -> dict[str, Any] | None:
        if not self._with_logprobs:
            return None
        return {"content": [logprob_fields(one) for one in tokens], "refusal": None}


def usage_of(ends: list[Finished]) -> dict[str, Any]:
    """Tokens of a request: the prompt once, as its answers share it, and all answers."""
    prompt = max((end.prompt_tokens for end in ends), default=0)
    completion = sum(end.completion_tokens for end in ends)
    cached = max((end.cached_tokens for end in ends), default=0)
    by_kind = media_tokens(ends[0]) if ends else {}
    return {
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0, **by_kind},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip
