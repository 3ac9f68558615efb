"""Settings of `macaw serve --backend`: another server runs the LLM."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.setting_types import matching


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendSettings:
    """Another server that runs the LLM, such as a vLLM with `--enable-prompt-embeds`: see docs/vllm.md."""

    url: str = ""
    """Base URL of its API, such as `http://localhost:8001/v1`; empty: this server runs the LLM itself."""
    model: str = ""
    """Name of the LLM there; empty: the first that it lists."""
    api_key_variable: Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of a variable")] = (
        "MACAW_BACKEND_KEY"
    )
    """Environment variable that holds the API key of the backend. The key itself never stands in a file."""
    prompts: Literal["auto", "chat", "completions"] = "auto"
    """What it is sent. `chat`: texts, and the embeddings of media between them; it renders the chat template.
    `completions`: the embeddings of the whole prompt. `auto` is `chat` where the backend takes it and makes the same
    prompt of it, which is looked at for each request, else `completions`."""
    timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """Seconds that the backend may stay silent before or within an answer."""
