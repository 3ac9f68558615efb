"""Messages of a request: their texts, and their media as files or URLs that are still to be read."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.requests.fields import Fields

_MODALITY_OF: dict[str, Modality] = {
    kind: name for name in MODALITIES for kind in (f"{name}_url", f"input_{name}", name)
}
"""Type of a part to its modality."""
_TEXTS = ("text", "input_text", "output_text")
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_DATA_URL = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Medium:
    """One medium of a request, not read yet.

    Attributes:
        modality: that the request says it has.
        content: the file's bytes; empty for a URL.
        url: `http` or `https`; empty where the request holds the file itself.
        place: where it stands in the request.
    """

    modality: Modality
    content: bytes
    url: str
    place: str


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        role: `system`, `user` or `assistant`.
        parts: texts and media, in order.
    """

    role: str
    parts: tuple[str | Medium, ...]

    @property
    def media(self) -> list[Medium]:
        """Its media, in order."""
        return [part for part in self.parts if isinstance(part, Medium)]


@dataclass(frozen=True)
class MediaLimits:
    """How many media a request may have, how large each may be, and which there are.

    Attributes:
        count: of a request.
        nbytes: of one.
        modalities: that the model was trained on; messages name no others.
    """

    count: int
    nbytes: int
    modalities: Sequence[Modality]


def read_messages(values: Sequence[Any], place: str, limits: MediaLimits) -> list[Message]:
    """The messages of a request.

    Args:
        values: as they stand in it.
        place: the name of the field.
        limits: of their media.

    Raises:
        ApiError: one of them cannot be used.
    """
    messages = [_message(Fields(value, f"{place}[{number}]"), limits) for number, value in enumerate(values)]
    count = sum(len(message.media) for message in messages)
    if count > limits.count:
        message = f"The request has {count} media; this server takes {limits.count}."
        raise ApiError(message, param=place, code="too_many_media")
    if not messages:
        raise ApiError(f"{place} must not be empty.", param=place, code="empty_array")
    if messages[-1].role != "user":
        raise ApiError(f"The last of {place} must have the role user.", param=f"{place}[{len(values) - 1}].role")
    return messages


def _message(fields: Fields, limits: MediaLimits) -> Message:
    role = _role(fields)
    content = fields.get("content")
    if isinstance(content, str):
        return Message(role, (fields.encodable("content", content),))
    if content is None and role == "assistant" and not fields.get("tool_calls"):
        return Message(role, ())
    if not isinstance(content, list):
        raise fields.wrong("content", "a string or an array of parts")
    place = fields.at("content")
    parts = [_part(Fields(value, f"{place}[{number}]"), limits) for number, value in enumerate(content)]
    message = Message(role, tuple(parts))
    if message.media and role != "user":
        medium = message.media[0]
        raise ApiError(f"A message of the {role} cannot hold media.", param=medium.place, code="invalid_value")
    if role == "user" and not parts:
        raise ApiError(f"{place} must not be empty.", param=place, code="empty_array")
    return message


def _role(fields: Fields) -> str:
    role = fields.text("role")
    if role is None:
        raise ApiError(f"{fields.at('role')} is missing.", param=fields.at("role"), code="missing_required_parameter")
    if role in ("tool", "function") or fields.get("tool_calls") or fields.get("function_call"):
        name = "role" if role in ("tool", "function") else "tool_calls"
        raise fields.unsupported(name, "This server calls no tools.")
    if role not in _ROLES:
        raise ApiError(f"{fields.at('role')} must be system, developer, user or assistant.", param=fields.at("role"))
    return _ROLES[role]


def _part(fields: Fields, limits: MediaLimits) -> str | Medium:
    kind = fields.text("type")
    if kind is None:
        raise ApiError(f"{fields.at('type')} is missing.", param=fields.at("type"), code="missing_required_parameter")
    if kind in _TEXTS:
        text = fields.text("text")
        if text is None:
            raise fields.wrong("text", "a string")
        return text
    if kind == "refusal":
        return fields.text("refusal") or ""
    if kind not in _MODALITY_OF:
        media = sorted(part for part, name in _MODALITY_OF.items() if name in limits.modalities)
        known = ", ".join(("text", *media))
        raise ApiError(f"{fields.at('type')} must be one of {known}.", param=fields.at("type"))
    return _medium(fields, kind, limits)


def _medium(fields: Fields, kind: str, limits: MediaLimits) -> Medium:
    modality = _MODALITY_OF[kind]
    name = next((name for name in (kind, f"{modality}_url", f"input_{modality}") if fields.get(name) is not None), None)
    if name is None:
        raise ApiError(f"{fields.at(kind)} is missing.", param=fields.at(kind), code="missing_required_parameter")
    value, place = fields.get(name), fields.at(name)
    if isinstance(value, str):
        return _of_url(value, modality, place, limits)
    inner = Fields(value, place)
    url, data = inner.text("url"), inner.text("data")
    if url is not None:
        return _of_url(url, modality, inner.at("url"), limits)
    if data is None:
        raise ApiError(f"{place} must have a url or data.", param=place, code="missing_required_parameter")
    if _DATA_URL.match(data):
        return _of_url(data, modality, inner.at("data"), limits)
    return Medium(modality, _decoded(data, inner.at("data"), limits), "", place)


def _of_url(url: str, modality: Modality, place: str, limits: MediaLimits) -> Medium:
    if head := _DATA_URL.match(url):
        if not head[0][:-1].lower().endswith(";base64"):
            raise ApiError(f"{place} must be a data URL in base64.", param=place, code="invalid_base64")
        return Medium(modality, _decoded(url[head.end() :], place, limits), "", place)
    if _WEB.match(url):
        return Medium(modality, b"", url, place)
    raise ApiError(f"{place} must be a data URL, or one of http or https.", param=place, code="invalid_url")


def _decoded(text: str, place: str, limits: MediaLimits) -> bytes:
    if len(text) * 3 // 4 > limits.nbytes + 3:
        megabytes = limits.nbytes / 1e6
        raise ApiError(f"{place} is larger than {megabytes:g} MB.", param=place, code="media_too_large")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(f"{place} is not valid base64.", param=place, code="invalid_base64") from None
    if not content:
        raise ApiError(f"{place} is empty.", param=place, code="invalid_base64")
    return content
