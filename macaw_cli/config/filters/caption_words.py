"""Settings of the `caption-words` filter."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptionWordsSettings:
    """Drops conversations that speak of a caption, or that deny: the filter of Macaw-LLM (arXiv 2306.09093)."""

    name: Literal["caption-words"] = "caption-words"
    """Name of the filter."""
    negations: bool = True
    """Also drop answers with the word no or not. A model that sees no such answer learns to say yes."""
    as_published: bool = False
    """Look for the letters `caption`, ` no ` and `not` as the published code does, case-sensitive and inside of other
    words, which also drops answers with another, nothing or notice; otherwise whole words count."""
