"""The server that runs the LLM: reached, tried once at the start, and asked for answers.

What it says about its errors is for whoever runs this server: it stands in the log, and no client reads it.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.basics.urls import without_secrets
from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.inference.prompt_embeds import PART, encoded
from macaw_cli.serving.backend.address import CONNECT_S, backend_key, silent


@dataclass(frozen=True)
class Backend:
    """A server that takes prompt embeddings."""

    url: str
    model: str
    """Name of the LLM there."""
    key: str
    timeout_s: float
    takes_chats: bool
    """Whether it takes embeddings between the texts of a chat."""

    def client(self) -> Any:
        """A client for one event loop."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(base_url=self.url, api_key=self.key, max_retries=0, timeout=_timeout(self.timeout_s))


def find_backend(settings: BackendSettings, embeds: Tensor) -> Backend:
    """Look whether the backend is there and takes prompt embeddings.

    Args:
        settings: where it is.
        embeds: (T, D) of some tokens of the LLM.

    Raises:
        UsageError: its URL or key is none.
        InputError: it does not answer, or wants another key.
        MismatchError: it refuses embeddings of this LLM.
    """
    from openai import OpenAI

    key = backend_key(settings)
    with OpenAI(
        base_url=settings.url, api_key=key, max_retries=0, timeout=_timeout(settings.timeout_s)
    ) as client:
        model = settings.model or _first_model(client, settings)
        data = encoded(embeds)
        _try(settings, lambda: client.completions.create(
            model=model, prompt=None, max_tokens=1, extra_body={PART: data},
        ))  # fmt: skip
        takes_chats = settings.prompts != "completions" and _takes_chats(client, model, data)
    if settings.prompts == "chat" and not takes_chats:
        raise MismatchError(
            f"The backend {without_secrets(settings.url)} takes no embeddings between the texts of a chat.",
            "Use a newer vLLM, or --set serve.backend.prompts=auto.",
        )
    return Backend(settings.url, model, key, settings.timeout_s, takes_chats)


def _takes_chats(client: Any, model: str, data: str) -> bool:
    """An older vLLM does not know the part."""
    from openai import APIStatusError

    messages: Any = [{"role": "user", "content": [{"type": PART, "data": data}, {"type": "text", "text": "?"}]}]
    try:
        client.chat.completions.create(model=model, max_tokens=1, messages=messages)
    except APIStatusError:
        return False
    return True


def _first_model(client: Any, settings: BackendSettings) -> str:
    listed = _try(settings, lambda: client.models.list().data)
    if not listed:
        raise InputError(f"The backend {without_secrets(settings.url)} lists no model.", "Set serve.backend.model.")
    return str(listed[0].id)


def _try(settings: BackendSettings, ask: Any) -> Any:
    """What the backend answers, or what keeps it from that, for whoever starts this server."""
    import openai

    where = f"The backend {without_secrets(settings.url)}"
    try:
        return ask()
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        hint = f"Set the environment variable {settings.api_key_variable}."
        raise InputError(f"{where} refuses the API key.", hint) from None
    except openai.NotFoundError:
        hint = "A base URL ends with /v1, as a rule. Correct --backend, or serve.backend.model."
        raise InputError(f"{where} has no such path, or no such model.", hint) from None
    except openai.APIStatusError as error:
        raise MismatchError(
            f"{where} refuses prompt embeddings (status {error.status_code}): {shown(cut(error.message))}",
            "Start it with --enable-prompt-embeds, and with the LLM that `macaw export --format llm` wrote.",
        ) from None
    except openai.APIConnectionError:  # a timeout as well
        raise silent(settings.url) from None
    except (openai.OpenAIError, ValueError, AttributeError, TypeError):  # such as a page of a web server
        raise InputError(f"{where} does not speak OpenAI's API.", "Correct --backend.") from None


def _timeout(seconds: float) -> Any:
    from openai import Timeout

    return Timeout(seconds, connect=min(seconds, CONNECT_S))
