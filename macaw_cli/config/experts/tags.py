"""Settings of the `tags` expert."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from macaw_cli.config.experts.form import TextForm
from macaw_cli.config.setting_types import Texts


def _with_places(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or any(text.count("{}") != 1 for text in value):
        raise ValueError("needs one or more texts that each have {} once, where the label goes")
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class TagsSettings:
    """CLIP's zero-shot tags of images and video frames, out of a list of labels."""

    name: Literal["tags"] = "tags"
    """Name of the expert."""
    labels: str = ""
    """Text file with one label on each line."""
    model: str = ""
    """Folder or hub id of a whole CLIP; empty takes `features.image_encoder.model`."""
    revision: str = ""
    """Hub revision; empty means the newest."""
    templates: Annotated[Texts, AfterValidator(_with_places)] = ("a photo of a {}.",)
    """Texts that a label is put into; of several, the mean of their normalised vectors is compared."""
    top: Annotated[int, Field(ge=1)] | None = 3
    """Most tags of an image or frame; `null` sets no limit."""
    threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Cosine that a tag needs at least; `null` sets none."""
    frames: Annotated[int, Field(ge=1)] | None = None
    """Frames that are looked at in a video, at evenly spaced times; `null` takes `features.frames`."""
    form: TextForm = "Tags: {}"
    """What the conversation says of an image; `{}` is its tags. Of a video, each frame makes a line such as
    `Second 3: dog | cat`."""

    def __post_init__(self) -> None:
        """Refuse a choice that takes every label."""
        if self.top is None and self.threshold is None:
            raise ValueError("needs top or threshold: without both, every label would be a tag")
