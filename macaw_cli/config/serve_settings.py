"""Settings of `macaw serve`: where it listens, and how much a client may ask of it."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.config.setting_types import Texts, matching

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeSettings:
    """`macaw serve`: an OpenAI-compatible server. Limits are checked before a file is decoded."""

    host: str = "127.0.0.1"
    """Address to listen at. Any other than this machine's own (`127.0.0.1`, `::1`, `localhost`) needs an API key."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen at; 0 takes a free one."""
    model_name: str = ""
    """Name of the model in the API; empty: that of its run or folder."""
    api_key_variable: Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of a variable")] = (
        "MACAW_API_KEY"
    )
    """Environment variable that holds the API key. Where it is not set, and there is no `api_key_file`, none is
    needed."""
    api_key_file: str = ""
    """File whose only line is the API key."""
    allowed_hosts: Texts = ()
    """Names under which clients reach the server, such as that of a proxy, besides its own addresses. `*` allows
    all."""
    allow_remote_media: bool = False
    """Whether the server fetches media that a request names by `http` or `https`. Addresses inside a network are
    refused all the same."""
    max_new_tokens: Count = 512
    """Longest answer in tokens, where the request names no limit."""
    max_answers: Annotated[int, Field(ge=1, le=64)] = 8
    """Largest `n` of one request."""
    rows: Count = 32
    """Most answers that are generated at the same time; others wait."""
    answers_megabytes: Count | None = None
    """Memory for keys and values of the answers that are generated at the same time, counted for all that each may
    become; others wait. `null`: half of what the device has free when the model is loaded."""
    max_waiting: Count = 256
    """Most answers that wait while `rows` are generated; further requests are told to come again later."""
    max_request_megabytes: Count = 64
    """Largest body of a request."""
    max_pending_megabytes: Count = 512
    """Largest sum of the bodies that are being read, or whose media are; further requests are told to come again
    later."""
    max_media: Count = 64
    """Most media in one request."""
    max_media_megabytes: Count = 48
    """Largest file of one medium."""
    max_megapixels: Annotated[float, Field(gt=0)] = 50.0
    """Largest image, and largest frame of a video, in millions of pixels."""
    max_media_seconds: Seconds = 600.0
    """Longest audio and video."""
    max_frames: Count = 36_000
    """Most frames of a video file, of which the model is shown only a few."""
    remote_timeout_s: Seconds = 20.0
    """Seconds that fetching one medium may take."""
    decode_timeout_s: Seconds = 30.0
    """Seconds that decoding one medium may take; where experts need it decoded in other ways, each decoding of it."""
    cached_media_megabytes: Annotated[int, Field(ge=0)] = 256
    """Memory for features of media, and experts' texts of them, so that the next request with the same file is answered
    sooner."""
    cached_prompt_megabytes: Annotated[int, Field(ge=0)] = 512
    """Memory for keys and values of earlier prompts, so that the next turn of a conversation costs its own tokens
    alone."""
    request_timeout_s: Seconds = 60.0
    """Seconds that a client may take to send its request."""
    grace_s: Annotated[float, Field(ge=0)] = 30.0
    """Seconds that running answers may go on after SIGTERM or Ctrl-C."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model and its encoders run."""
    backend: BackendSettings = field(default_factory=BackendSettings)
    """Another server that runs the LLM."""
