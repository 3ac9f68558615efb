"""Settings of `macaw chat`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

SAMPLING = ("top_p", "top_k", "min_p")
"""Settings of `chat` that only mean something where tokens are sampled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatSettings:
    """`macaw chat`: how an answer is generated and shown."""

    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest answer in tokens. `null`: as the model's `generation_config` says, else 512, and in either case no more
    than the LLM has room for."""
    temperature: Annotated[float, Field(ge=0)] | None = None
    """0 is greedy decoding; above, tokens are sampled. `null`, here and below: as the model's `generation_config` says,
    which is greedy decoding where it says nothing. A value of `top_p`, `top_k` or `min_p` also turns sampling on."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sampling takes the likeliest tokens that together have this probability."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Sampling takes this many of the likeliest tokens."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Sampling takes tokens with at least this share of the likeliest token's probability."""
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    """Above 1, tokens that the answer has already become less likely; 1 is none."""
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] | None = None
    """No sequence of so many tokens appears twice in an answer; 0 allows all."""
    constraint: Literal["number", "integer"] | None = None
    """`number` or `integer`: an answer can only be one, such as `-12.5`. `null` is any text."""
    system: str = ""
    """System prompt, where the template has a place for one."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Questions of `--batch` that are answered at the same time."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the questions of `--batch` that cannot be answered above which the command ends with exit code 1."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model and its encoders run."""
    markdown: bool = True
    """Format the Markdown in answers when they are shown in a terminal."""
    images: bool = True
    """Show attached images in terminals that can (kitty, Ghostty, Konsole, iTerm2, WezTerm)."""
    history: bool = True
    """Remember what is typed at the prompt for the next chat, in `~/.local/state/macaw/chat-history.jsonl`
    (below `$XDG_STATE_HOME` where it is set)."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored without a word."""
        given = [f"chat.{name}" for name in SAMPLING if getattr(self, name) is not None]
        if self.temperature == 0 and given:
            raise ValueError(
                f"chat.temperature=0 is greedy decoding, where {given[0]} does nothing: "
                f"set chat.temperature above 0, or leave out {' and '.join(given)}"
            )
