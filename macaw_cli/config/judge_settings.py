"""Settings of the LLM that judges generated answers in `macaw evaluate`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from macaw_cli.config.setting_types import matching

ASK_AGAIN = (
    "The ledger answers the same requests with the same replies: another evaluation.judge.temperature or judge, or"
    " --set generation.out=FOLDER with a new folder, asks all of them again."
)
"""What to do about replies without a score."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerJudgeSettings:
    """An LLM that scores generated answers; what is not set here (limits, prices, ledger) is that of `generation`."""

    model: str = ""
    """Name of the LLM, as the API calls it; empty judges nothing."""
    endpoint: str = ""
    """Base URL of the API; empty is `generation.endpoint`."""
    api_key_variable: Annotated[str, matching(r"([A-Za-z_][A-Za-z0-9_]*)?", "must be the name of a variable")] = ""
    """Environment variable that holds the API key; empty is `generation.api_key_variable`."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Sampling temperature; `null` is `generation.temperature`."""
    max_cost: Annotated[float, Field(gt=0)] | None = None
    """US dollars that may be spent, in all runs with the same ledger, generated examples included; `null` is
    `generation.max_cost`."""
