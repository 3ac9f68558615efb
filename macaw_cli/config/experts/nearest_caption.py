"""Settings of the `nearest-caption` expert."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.experts.form import TextForm
from macaw_cli.config.setting_types import Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class NearestCaptionSettings:
    """The caption of the training medium whose mean features are most similar, never of a connected one."""

    name: Literal["nearest-caption"] = "nearest-caption"
    """Name of the expert."""
    captions: Texts = ()
    """`FORMAT:PATH` each, as in `dataset.sources`: rows that name a medium and have `captions`."""
    form: TextForm = "A similar one: {}"
    """What the conversation says; `{}` is the caption."""
