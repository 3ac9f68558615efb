"""The one place that talks to the API: sends one request once, and says what came or what kind of trouble there was.

Retries are not the client's (`max_retries=0`): a 429 has to reach the limiter, and everything that may have been
charged has to reach the ledger.
"""

import asyncio
import os
import time
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import without_secrets
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.raw_reply import RawReply, raw_reply
from macaw_cli.dataset.generation.request import SCHEMA, Message, Sampling

LARGEST_REPLY = 16_000_000
"""Bytes; a longer reply is no reply to these requests."""
_NO_KEY = "none"
"""Sent to servers on this machine, which ask for no key."""
_UNSUPPORTED = ("response_format", "json_schema", "structured", "guided", "max_completion_tokens")
"""What the reason of a refusal names when the server lacks a newer field of the API."""


class TooMany(Exception):
    """The API answered 429; `wait_s` is its Retry-After."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("429")
        self.wait_s = wait_s


class ServerTrouble(Exception):
    """A failure that may be over at the next attempt: 5xx, a broken connection, no reply in time, half a reply.

    Attributes:
        charged: the API may have made a reply that did not arrive.
    """

    def __init__(self, reason: str, *, charged: bool) -> None:
        super().__init__(reason)
        self.charged = charged


class RequestRefused(Exception):
    """The API refused this request (400, 413, 422); others may be fine."""


class Endpoint:
    """An OpenAI-compatible API; use inside one event loop, and close it there.

    Args:
        settings: where it is and which key opens it.
        sampling: fields of every request.
        schema: `response_format` of every request.

    Raises:
        UsageError: the key is not in the environment, or the URL is none.
    """

    def __init__(
        self, settings: GenerationSettings, sampling: Sampling, schema: dict[str, Any] = SCHEMA
    ) -> None:
        from openai import AsyncOpenAI

        key = require_key(settings)
        self._variable, self._where, self._key = settings.api_key_variable, without_secrets(settings.endpoint), key
        self._sampling, self._schema, self._timeout_s = sampling, schema, settings.timeout_s
        self._client = AsyncOpenAI(
            base_url=settings.endpoint, api_key=key or _NO_KEY, max_retries=0, timeout=settings.timeout_s
        )
        self._unsupported: set[str] = set()
        """Newer fields of the API that the server has refused."""

    async def send(self, messages: list[Message]) -> RawReply:
        """Send one request once.

        Raises:
            TooMany: 429.
            ServerTrouble: trouble that may be over at the next attempt.
            RequestRefused: this request is refused.
            InputError: every request would be refused: wrong key, no such model, no money left.
        """
        import openai

        started, fields = time.monotonic(), self._fields()
        try:
            # what stands in extra_body is sent as it is; the client's checks of its own types take a fifth of its time
            async with asyncio.timeout(self._timeout_s):  # the client's own is for each piece that arrives
                response = await self._client.chat.completions.with_raw_response.create(
                    model=self._sampling.model, messages=[], extra_body={"messages": messages, **fields}
                )
            if len(response.content) > LARGEST_REPLY:
                raise RequestRefused(f"the reply has {len(response.content):,} bytes")
            content = parse_json(response.content)
        except openai.APIStatusError as error:
            if self._learns_from(error, fields):
                return await self.send(messages)
            raise self._trouble(error) from None
        except TimeoutError:
            raise ServerTrouble(f"no reply within {self._timeout_s:g} s", charged=True) from None
        except openai.APIConnectionError as error:
            raise ServerTrouble(self.masked(_connection(error)), charged=True) from None
        except InputError:
            raise ServerTrouble("the reply is not JSON", charged=True) from None
        return raw_reply(content, time.monotonic() - started)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _fields(self) -> dict[str, Any]:
        fields = {**self._sampling.parameters, "response_format": self._schema}
        if "max_completion_tokens" in self._unsupported:
            fields["max_tokens"] = fields.pop("max_completion_tokens")
        if "response_format" in self._unsupported:
            del fields["response_format"]
        return fields

    def _learns_from(self, error: Any, sent: dict[str, Any]) -> bool:
        """Whether the server refused a field of this request that it does not know; it is left out from now on.

        Servers that lack structured outputs answer 400, 422 or even 500 and name the field.
        """
        reason = self._reason(error).lower()
        if error.status_code not in (400, 404, 422, 500, 501) or not any(word in reason for word in _UNSUPPORTED):
            return False
        field = "max_completion_tokens" if "max_completion_tokens" in reason else "response_format"
        self._unsupported.add(field)
        return field in sent

    def _trouble(self, error: Any) -> Exception:
        status, reason = error.status_code, cut(self._reason(error), 300)
        if status == 429 and "insufficient_quota" in (error.code, error.type):
            return InputError(f"{self._where} says that the account has no credit left: {reason}", "Top it up.")
        if status == 429:
            return TooMany(retry_after(error.response.headers))
        if status in (401, 403):
            hint = f"Check the environment variable {self._variable}."
            return InputError(f"{self._where} refuses the API key ({status}): {reason}", hint)
        if status == 404:
            hint = "Check generation.model and generation.endpoint, which usually ends in /v1."
            return InputError(f"{self._where} does not know {self._sampling.model} (404): {reason}", hint)
        if status >= 500 or status in (408, 409):
            return ServerTrouble(f"the server answered {status}: {reason}", charged=False)
        return RequestRefused(f"the server refused the request ({status}): {reason}")

    def _reason(self, error: Any) -> str:
        """What the server says, without the key, which some repeat."""
        body = error.body
        message = body.get("message") or body.get("detail") if isinstance(body, dict) else None
        if message is None:  # not in the API's shape: whatever the server wrote
            message = " ".join(error.response.text.split())[:200] or error.message
        message = str(message)
        return self.masked(message).strip().rstrip(".") + "."

    def masked(self, text: str) -> str:
        """A text of the server without the key, which some repeat."""
        return without_key(text, self._key)


def require_key(settings: GenerationSettings) -> str:
    """The API key from the environment; empty for a server on this machine that needs none.

    Raises:
        UsageError: the key is missing or impossible, or the endpoint is no URL.
    """
    if not _is_http_url(settings.endpoint):
        raise UsageError(
            f"generation.endpoint is not an HTTP URL: {cut(settings.endpoint)}.",
            "For example https://api.openai.com/v1 or http://localhost:8000/v1.",
        )
    variable = settings.api_key_variable
    key = os.environ.get(variable, "").strip()
    if not key and not is_local(settings.endpoint):
        raise UsageError(
            f"{without_secrets(settings.endpoint)} needs an API key, and {variable} is not set.",
            f"Set the environment variable: export {variable}=...",
        )
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"{variable} holds characters that no API key has.", "Copy the key again.")
    return key


def without_key(text: str, key: str) -> str:
    """A text without an API key."""
    return text.replace(key, "...") if key else text


def is_local(endpoint: str) -> bool:
    """Whether the API is a server on this machine."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # a name in other letters is written as xn--..., which is what all libraries agree on
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and bool(host) and host.isascii() and (parts.port or 1) > 0
    except ValueError:  # such as a port with letters
        return False


def retry_after(headers: Any) -> float:
    """Seconds that a 429 asks to wait, in any of its three spellings; 0 without one."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, min(float(value) / unit, 86400.0))
        except ValueError:
            pass
        try:
            return max(0.0, min(parsedate_to_datetime(value).timestamp() - time.time(), 86400.0))
        except (TypeError, ValueError):
            continue
    return 0.0


def _connection(error: Any) -> str:
    cause = error.__cause__
    return f"{type(error).__name__}: {cut(str(cause or error), 200)}"
