"""How large the quickstart's world is: a section of `macaw.yaml` that only `macaw quickstart` reads."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class QuickstartSettings:
    """`macaw quickstart`: how large its world is. Each medium is asked one question of each kind of its modality."""

    train_images: Annotated[int, Field(ge=1)] = 1200
    """Images to train on."""
    train_audios: Annotated[int, Field(ge=1)] = 1000
    """Audio files to train on."""
    train_videos: Annotated[int, Field(ge=1)] = 1000
    """Videos to train on."""
    heldout: Annotated[int, Field(ge=1)] = 200
    """Held-out media per modality."""
    unseen: Annotated[int, Field(ge=1)] = 60
    """Held-out media per modality that show combinations of attributes absent from all training files."""
    train_texts: Annotated[int, Field(ge=0)] = 150
    """Text-only questions of each kind to train on."""
    heldout_texts: Annotated[int, Field(ge=0)] = 200
    """Held-out text-only questions."""
