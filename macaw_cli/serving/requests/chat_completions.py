"""The body of `POST /v1/chat/completions`, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from macaw_cli.inference.sampling import Sampling
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.requests.content_parts import Message, read_messages
from macaw_cli.serving.requests.fields import Fields
from macaw_cli.serving.requests.request_checks import MOST_LOGPROBS, Served, checked_fields
from macaw_cli.serving.requests.sampling_fields import KNOWN as SAMPLING
from macaw_cli.serving.requests.sampling_fields import constraint_of, sampling_of, seed_of

_WITHOUT_EFFECT = frozenset((
    "metadata", "parallel_tool_calls", "prediction", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
    "safety_identifier", "service_tier", "store", "user", "verbosity",
))  # fmt: skip
"""Fields of OpenAI's that change nothing here."""
_ABSENT: Mapping[str, tuple[Any, ...]] = {
    "audio": (), "function_call": ("none", "auto"), "functions": ([],), "logit_bias": ({},), "tools": ([],),
    "tool_choice": ("none", "auto"), "web_search_options": (), "modalities": (["text"],),
    "frequency_penalty": (0,), "presence_penalty": (0,), "moderation": (),
}  # fmt: skip
"""Fields of OpenAI's that this server does not have, and the values that ask for nothing."""
_OWN = frozenset((
    "messages", "model", "stream", "stream_options", "n", "stop", "logprobs", "top_logprobs", "max_tokens",
    "max_completion_tokens", "response_format",
))  # fmt: skip
KNOWN = _OWN | SAMPLING | _WITHOUT_EFFECT | frozenset(_ABSENT)
MOST_STOPS, LONGEST_STOP = 16, 1000


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """What a client asks for.

    Attributes:
        messages: its conversation.
        answers: how many answers (`n`).
        max_new_tokens: longest answer; None where it does not say.
        sampling: how tokens are chosen.
        seed: of the first answer; the others have those after it.
        stop: texts that end an answer.
        top_logprobs: how many likely tokens are told for each; None tells no probabilities.
        stream: whether the answer is sent as it comes.
        include_usage: whether a stream ends with the number of tokens.
    """

    messages: list[Message]
    answers: int
    max_new_tokens: int | None
    sampling: Sampling
    seed: int
    stop: tuple[str, ...]
    top_logprobs: int | None
    stream: bool
    include_usage: bool


def chat_request(body: dict[str, Any], served: Served) -> ChatRequest:
    """Read a request.

    Raises:
        ApiError: with the first field that cannot be used.
    """
    fields = checked_fields(body, KNOWN, _ABSENT, served.model_name)
    constraint = constraint_of(fields.get("response_format"), "response_format")
    stream = fields.flag("stream")
    longest = fields.integer("max_tokens", 1)
    newer = fields.integer("max_completion_tokens", 1)
    if fields.get("messages") is None:
        raise ApiError("messages is missing.", param="messages", code="missing_required_parameter")
    return ChatRequest(
        messages=read_messages(fields.array("messages"), "messages", served.media_limits),
        answers=fields.integer("n", 1, served.settings.max_answers) or 1,
        max_new_tokens=longest if newer is None else newer,
        sampling=replace(sampling_of(fields), constraint=constraint), seed=seed_of(fields), stop=_stops(fields),
        top_logprobs=_top_logprobs(fields),
        stream=stream, include_usage=_include_usage(fields, stream),
    )  # fmt: skip


def _stops(fields: Fields) -> tuple[str, ...]:
    value = fields.get("stop")
    texts = [value] if isinstance(value, str) else fields.array("stop")
    if len(texts) > MOST_STOPS:
        raise ApiError(f"stop must have at most {MOST_STOPS} texts.", param="stop", code="array_above_max_length")
    for text in texts:
        if not isinstance(text, str):
            raise fields.wrong("stop", "a string or an array of strings")
        if len(fields.encodable("stop", text)) > LONGEST_STOP:
            message = f"A text of stop must have at most {LONGEST_STOP} characters."
            raise ApiError(message, param="stop", code="string_above_max_length")
    return tuple(text for text in texts if text)


def _top_logprobs(fields: Fields) -> int | None:
    wanted, count = fields.flag("logprobs"), fields.integer("top_logprobs", 0, MOST_LOGPROBS)
    if count is not None and not wanted:
        raise ApiError("top_logprobs needs logprobs to be true.", param="top_logprobs", code="invalid_value")
    return (count or 0) if wanted else None


def _include_usage(fields: Fields, stream: bool) -> bool:
    options = fields.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise ApiError("stream_options needs stream to be true.", param="stream_options", code="invalid_value")
    return Fields(options, "stream_options").flag("include_usage")
