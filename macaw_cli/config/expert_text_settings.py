"""Settings of what a training reads of the experts' texts that a dataset holds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.setting_types import Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpertTextSettings:
    """What a model reads of the experts' texts in a dataset (`dataset.experts`)."""

    names: Texts | None = None
    """The experts whose texts are read, in this order; `null` takes all that the dataset has, `[]` none."""
    media: Literal["keep", "replace"] = "keep"
    """Whether the text stands beside the medium's soft tokens (`keep`) or in their place (`replace`): then the model
    has no bridge for what its experts describe."""
    max_words: Annotated[int, Field(ge=1)] = 200
    """Most words that one expert says of one medium; what is longer is cut and ends in `...`."""
    system: str = ""
    """System text of conversations whose media are described, such as `Answer from the descriptions of the media.`"""
