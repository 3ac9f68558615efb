"""The body of `POST /v1/responses`, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from macaw_cli.inference.sampling import Sampling
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.requests.content_parts import Message, read_messages
from macaw_cli.serving.requests.fields import Fields
from macaw_cli.serving.requests.request_checks import (
    MOST_LOGPROBS,
    Served,
    checked_fields,
    require_text_format,
)
from macaw_cli.serving.requests.sampling_fields import KNOWN as SAMPLING
from macaw_cli.serving.requests.sampling_fields import sampling_of, seed_of

_WITHOUT_EFFECT = frozenset((
    "access_programs", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream_options", "truncation",
    "user",
))  # fmt: skip
"""Fields of OpenAI's that change nothing here."""
_ABSENT: Mapping[str, tuple[Any, ...]] = {
    "background": (False,), "context_management": ([],), "conversation": (), "image": (), "moderation": (),
    "previous_response_id": (), "prompt": (), "tools": ([],), "tool_choice": ("none", "auto"),
}  # fmt: skip
"""Fields of OpenAI's that this server does not have, and the values that ask for nothing."""
_OWN = frozenset((
    "include", "input", "instructions", "max_output_tokens", "model", "stream", "text", "top_logprobs",
))  # fmt: skip
KNOWN = _OWN | SAMPLING | _WITHOUT_EFFECT | frozenset(_ABSENT)
_LOGPROBS = "message.output_text.logprobs"


@dataclass(frozen=True, kw_only=True)
class ResponsesRequest:
    """What a client asks for.

    Attributes:
        messages: its conversation, the instructions first.
        instructions: as they stand in the request; None where it has none.
        max_output_tokens: longest answer; None where it does not say.
        sampling: how tokens are chosen.
        seed: of the sampling.
        top_logprobs: how many likely tokens are told for each; None tells no probabilities.
        stream: whether the answer is sent as it comes.
        told: fields of the request that stand in the response as well.
    """

    messages: list[Message]
    instructions: str | None
    max_output_tokens: int | None
    sampling: Sampling
    seed: int
    top_logprobs: int | None
    stream: bool
    told: dict[str, Any]


def responses_request(body: dict[str, Any], served: Served) -> ResponsesRequest:
    """Read a request.

    Raises:
        ApiError: with the first field that cannot be used.
    """
    fields = checked_fields(body, KNOWN, _ABSENT, served.model_name)
    text = fields.get("text")
    if text is not None:
        require_text_format(Fields(text, "text"), "format")
    instructions = fields.text("instructions")
    messages = read_messages(_items(fields), "input", served.media_limits)
    if instructions:
        messages = [Message("system", (instructions,)), *messages]
    top_logprobs = fields.integer("top_logprobs", 0, MOST_LOGPROBS)
    wanted = _LOGPROBS in _includes(fields) or bool(top_logprobs)
    sampling = sampling_of(fields)
    return ResponsesRequest(
        messages=messages, instructions=instructions, max_output_tokens=fields.integer("max_output_tokens", 1),
        sampling=sampling, seed=seed_of(fields), top_logprobs=(top_logprobs or 0) if wanted else None,
        stream=fields.flag("stream"),
        told={
            "temperature": fields.number("temperature", 0.0, 2.0), "top_p": fields.number("top_p", 0.0, 1.0),
            "metadata": _metadata(fields), "user": fields.text("user"),
        },
    )  # fmt: skip


def _items(fields: Fields) -> list[Any]:
    """The conversation as messages: `input` may be one text."""
    value = fields.get("input")
    if value is None:
        raise ApiError("input is missing.", param="input", code="missing_required_parameter")
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    items = fields.array("input")
    for number, item in enumerate(items):
        kind = Fields(item, f"input[{number}]").get("type")
        if kind not in (None, "message"):
            name = f"input[{number}].type"
            raise ApiError(f"{name} must be message.", param=name, code="unsupported_parameter")
    return items


def _includes(fields: Fields) -> list[Any]:
    found = fields.array("include")
    if any(one != _LOGPROBS for one in found):
        raise ApiError(f"include may hold {_LOGPROBS} only.", param="include", code="unsupported_parameter")
    return found


def _metadata(fields: Fields) -> dict[str, str]:
    value = fields.get("metadata")
    if value is None:
        return {}
    found = Fields(value, "metadata")
    return {fields.encodable("metadata", name): found.text(name) or "" for name in found.values}
