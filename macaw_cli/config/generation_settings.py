"""Settings of `macaw build-dataset --generate`: which model writes the examples, how many, at what cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from macaw_cli.config.filters.chosen import FOR_GENERATED, AnyFilters
from macaw_cli.config.setting_types import matching

Count = Annotated[int, Field(ge=1)]
Price = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceSettings:
    """The price of one model, in US dollars per million tokens."""

    input: Price
    """Of the prompt."""
    output: Price
    """Of the reply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationSettings:
    """`macaw build-dataset --generate`: conversations written by an LLM behind an OpenAI-compatible API."""

    model: str = ""
    """Name of the model, as the API calls it."""
    endpoint: str = "https://api.openai.com/v1"
    """Base URL of the API."""
    api_key_variable: Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of a variable")] = (
        "OPENAI_API_KEY"
    )
    """Environment variable that holds the API key. The key itself never stands in a file."""
    out: str = "generated"
    """Folder of the ledger, which keeps every request and reply, and of the generated conversations."""
    pairs: Annotated[int, Field(ge=1, le=100)] = 10
    """Question-answer pairs in one request."""
    want: Annotated[Mapping[str, Annotated[int, Field(ge=1)]], Field()] = field(default_factory=dict)
    """Accepted examples of each kind, such as `{yes-no: 5000, description: 2000}`. Without it, one request of the kind
    `question-answer` is made for every item."""
    language: Annotated[str, matching("[a-z]{2}", "must be a code of ISO 639-1 such as en")] = "en"
    """Language of the examples, as an ISO 639-1 code. Examples in another language are rejected."""
    filters: AnyFilters = FOR_GENERATED
    """What an example has to pass to count as accepted, as in `dataset.filters`, which are applied after that, when the
    dataset is built."""
    show_media: bool = False
    """Send the media themselves as well (images, frames of videos, audio), for models that take them."""
    prompts: str = ""
    """YAML file that replaces the built-in prompts, `system` or those of single kinds."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Sampling temperature; `null` leaves it to the API."""
    max_new_tokens: Count = 2048
    """Longest reply in tokens."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 64
    """Most requests at a time. Fewer are sent while the API answers that there are too many."""
    requests_per_minute: Count | None = None
    """Rate limit in requests; `null` is none."""
    tokens_per_minute: Count | None = None
    """Rate limit in tokens, prompts and replies; `null` is none."""
    timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """Seconds after which a request without a reply is given up and tried again."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """How often a request is sent when the server fails or the connection breaks."""
    max_cost: Annotated[float, Field(gt=0)] | None = None
    """US dollars that may be spent, in all runs with the same ledger; `null` is no limit."""
    max_requests: Count | None = None
    """Requests that one run may send; `null` is no limit."""
    prices: Mapping[str, PriceSettings] = field(default_factory=dict)
    """Price of each model in US dollars per million tokens, such as `{my-model: {input: 0.15, output: 0.6}}`; others
    are looked up in the table of the package genai-prices."""
    tokenizer: str = ""
    """Folder of a tokenizer with which `--plan` counts tokens; empty: an estimate from the length of the text."""
