"""How large the quickstart's world is: a section of `macaw.yaml` that only `macaw quickstart` reads."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

from macaw_cli.config.setting_types import Texts, one_or_more
from macaw_cli.modalities.table import TABLE

ExtraKind = Literal["two-images", "earlier-turn"]
EXTRA_KINDS: tuple[ExtraKind, ...] = get_args(ExtraKind)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuickstartSettings:
    """`macaw quickstart`: how large its world is. Each medium is asked one question of each kind of its modality."""

    modalities: Annotated[Texts, Field(min_length=1)] = tuple(name for name, row in TABLE.items() if row.original)
    """Modalities that the world has."""
    train_images: Annotated[int, Field(ge=1)] = 1200
    """Images to train on."""
    train_audios: Annotated[int, Field(ge=1)] = 1000
    """Audio files to train on."""
    train_videos: Annotated[int, Field(ge=1)] = 1000
    """Videos to train on."""
    train_others: Annotated[int, Field(ge=1)] = 1000
    """Media of each other modality to train on."""
    heldout: Annotated[int, Field(ge=1)] = 200
    """Held-out media per modality."""
    unseen: Annotated[int, Field(ge=1)] = 60
    """Held-out media per modality that show combinations of attributes absent from all training files."""
    train_texts: Annotated[int, Field(ge=0)] = 150
    """Text-only questions of each kind to train on."""
    heldout_texts: Annotated[int, Field(ge=0)] = 200
    """Held-out text-only questions."""
    kinds: Annotated[tuple[ExtraKind, ...], one_or_more] = ()
    """Further kinds of questions: `two-images` need two images, `earlier-turn` an image of an earlier turn."""
    train_groups: Annotated[int, Field(ge=1)] = 250
    """For each of `kinds`, groups of four images to train on whose colours are compared, and as many whose shapes are;
    each is asked four or eight questions."""
    heldout_groups: Annotated[int, Field(ge=1)] = 50
    """The same, held out."""
