"""Every modality with its file kinds, its encoder's role, the rank of its features, its tokens and keyword names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Modality = Literal["image", "video", "audio"]
EncoderRole = Literal["image", "audio"]


@dataclass(frozen=True)
class ModalityEntry:
    """One row of the table.

    Attributes:
        name: as it stands in settings, rows and messages.
        extensions: of its files, in small letters.
        encoder: the role of the encoder that makes its features.
        feature_rank: dimensions of one medium's features: 2 for (N, C), 3 for (F, N, C).
        raw_keyword: name of the model's input for raw media.
        published_soft_tokens: soft tokens per medium in Macaw-LLM (arXiv 2306.09093), the default of its bridge.
    """

    name: Modality
    extensions: tuple[str, ...]
    encoder: EncoderRole
    feature_rank: int
    raw_keyword: str
    published_soft_tokens: int

    @property
    def features_keyword(self) -> str:
        """Name of the model's input for stored features."""
        return f"{self.name}_features"


def _extensions(names: str) -> tuple[str, ...]:
    return tuple(f".{name}" for name in names.split())


_ROWS = (
    ModalityEntry(
        "image", _extensions("jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff ppm pgm pbm pnm avif heic heif hif"
                             " jp2 j2k jpx"),
        encoder="image", feature_rank=2, raw_keyword="pixel_values", published_soft_tokens=5,
    ),
    ModalityEntry(
        "audio", _extensions("wav wave flac mp3 ogg oga opus m4a aac wma ac3 aif aiff aifc au caf w64 rf64 mka mp2"),
        encoder="audio", feature_rank=2, raw_keyword="input_features", published_soft_tokens=6,
    ),
    ModalityEntry(
        "video", _extensions("mp4 m4v mkv webm mov avi ts mts m2ts mpg mpeg vob flv wmv 3gp 3g2 ogv asf"),
        encoder="image", feature_rank=3, raw_keyword="pixel_values_videos", published_soft_tokens=39,
    ),
)  # fmt: skip
TABLE: Mapping[Modality, ModalityEntry] = {row.name: row for row in _ROWS}
MODALITIES: tuple[Modality, ...] = tuple(TABLE)
"""In the order in which their blocks stand before the first user text."""
ENCODER_OF: Mapping[Modality, EncoderRole] = {row.name: row.encoder for row in _ROWS}
"""The role of the encoder that makes the features of a modality."""


def begin_end(name: str) -> tuple[str, str]:
    """The begin and the end token of a modality as text."""
    return f"<{name}>", f"</{name}>"


@dataclass(frozen=True)
class TokenIds:
    """Ids that stand for media in a model's `input_ids`, per modality; none is a row of the LLM's matrix."""

    soft: dict[str, int]
    """Of one soft token."""
    begin_end: dict[str, list[int]]
    """Of the begin and the end token."""
    null: dict[str, int]
    """Of one soft token of an absent medium."""


def token_ids(vocabulary: int, names: Iterable[str] = MODALITIES) -> TokenIds:
    """The ids behind an LLM's vocabulary: first the soft tokens, then begin and end tokens, then the null features.

    A model keeps its ids in its `config.json`, so that this table may grow without changing them.

    Args:
        vocabulary: V, the first free id.
        names: of the modalities.
    """
    names = list(names)
    begin = vocabulary + len(names)
    null = begin + 2 * len(names)
    return TokenIds(
        soft={name: vocabulary + place for place, name in enumerate(names)},
        begin_end={name: [begin + 2 * place, begin + 2 * place + 1] for place, name in enumerate(names)},
        null={name: null + place for place, name in enumerate(names)},
    )
