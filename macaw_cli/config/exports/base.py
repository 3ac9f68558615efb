"""What the settings of every export format have."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSettings:
    """One format; a subclass gives its field `format` the format's name as default."""

    format: str = ""
    # described here because pydantic finds the strings under fields only in the class that is asked for
    out: Annotated[
        str, Field(description="Folder to write. Empty: `exported`, and `exported-FORMAT` for formats other than `hf`.")
    ] = ""
    push_to_hub: Annotated[
        str, Field(description="Repository of the Hugging Face hub (`owner/name`) to which the proved folder is sent.")
    ] = ""
    private: Annotated[bool, Field(description="Whether a repository that is made for it is private.")] = False

    @property
    def folder(self) -> str:
        """Folder to write, relative to the workspace."""
        return self.out or ("exported" if self.format == "hf" else f"exported-{self.format}")

    @property
    def name(self) -> str:
        """Name of the format."""
        return self.format
