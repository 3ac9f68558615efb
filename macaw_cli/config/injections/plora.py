"""Settings of the `plora` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.setting_types import Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class PloraSettings:
    """LoRA on the LLM's linear layers that is added at the positions of soft tokens only (InternLM-XComposer2).

    Media take as many positions of the input as they have soft tokens.
    """

    name: Literal["plora"] = "plora"
    """Design of the injection."""
    rank: Annotated[int, Field(ge=1)] = 256
    """Rank of the two small matrices."""
    alpha: Annotated[float, Field(gt=0)] = 256.0
    """What is added is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Dropout of the input of the two matrices while training."""
    targets: Texts = ("all-linear",)
    """Names of the linear layers that get them, within the LLM's layers; `all-linear` means every one."""
