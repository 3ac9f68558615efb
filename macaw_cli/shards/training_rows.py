"""The rows of a dataset's `index.jsonl`: where each conversation and each of its features stands in the shards."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from sys import intern
from typing import Any, Literal

from macaw_cli.basics.typed_rows import (
    COUNT,
    DTYPE,
    DTYPES,
    LARGEST,
    NUMBER,
    PAIR,
    PLAIN_NAME,
    SHAPE,
    SHARD_NAME,
    TEXT,
    TEXTS,
    Fields,
    is_shape,
    list_of,
    one_of,
)
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.told_media import ToldMedium

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
_MODALITIES = frozenset(MODALITIES)
_USUAL_KEYS = 7
"""Keys of a medium without a soundtrack or a length."""


@dataclass(frozen=True, slots=True)
class MediaRef:
    """One medium of a conversation, and where its feature array is."""

    modality: Modality
    key: str
    """Content key of the media file: equal for equal files, and for a video and its soundtrack."""
    shape: tuple[int, ...]
    """`(tokens, channels)`, of a video `(frames, tokens, channels)`."""
    dtype: str
    shard: str
    """File name inside the dataset's folder."""
    offset: int
    """First byte of the array's data (behind the npy header)."""
    nbytes: int
    soundtrack_of: int | None = None
    """For a soundtrack: the position of its video in the conversation's `media`."""
    source: str = ""
    """Name of the media file as the conversation gave it; for people and reports."""
    dataset: int = 0
    """Which of several joined datasets holds it; not stored."""
    seconds: float | None = None
    """Length of the audio or video as far as it was encoded; None where it is not known, and for images."""
    stored_shape: tuple[int, ...] | None = None
    """Shape in the shard, where the dataset is read through a view that makes `shape` of it; not stored."""
    text: str = ""
    """What experts say of it, where the dataset is read so; not stored."""
    fed: bool = True
    """Whether the model gets its features, or the text alone; not stored."""


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation, without its text, which `TrainingDataset.messages` reads."""

    id: str
    split: Split
    kind: str | None
    """What is asked about, such as `image/colour`."""
    choices: list[str] | None
    """The possible answers, where the question has such a list."""
    media: tuple[MediaRef, ...]
    """Ordered image, audio, video, and within each in order of appearance; soundtracks before other audio."""
    tags: tuple[str, ...]
    """Free marks given in the source, such as `unseen`."""
    sample: str
    """Key of the WebDataset sample."""
    shard: str
    offset: int
    """First byte of the conversation's JSON."""
    nbytes: int
    dataset: int = 0
    """Which of several joined datasets holds it; not stored."""
    told: tuple[ToldMedium, ...] = ()
    """Media that experts tell as text, where the dataset is read so: `media` are those that are fed. Not stored."""


def row_to_json(row: ConversationRow) -> dict[str, Any]:
    """The row as it stands in `index.jsonl`; what is absent is left out."""
    optional = {"kind": row.kind, "choices": row.choices, "tags": list(row.tags) or None}
    return {
        "id": row.id,
        "split": row.split,
        "shard": row.shard,
        "sample": row.sample,
        "json": [row.offset, row.nbytes],
        **{name: value for name, value in optional.items() if value is not None},
        "media": [_media_to_json(ref) for ref in row.media],
    }


_values = itemgetter("modality", "key", "shape", "dtype", "offset", "nbytes", "source")


def _is_usual(medium: Any) -> bool:
    """The fast test of a medium."""
    try:
        modality, key, shape, dtype, offset, nbytes, source = _values(medium)
    except (KeyError, TypeError):
        return False
    if not (type(modality) is str and type(key) is str and type(dtype) is str and type(source) is str):
        return False
    if not (type(offset) is int and type(nbytes) is int and 0 <= offset <= LARGEST and 0 <= nbytes <= LARGEST):
        return False
    if not (type(shape) is list and dtype in DTYPES and modality in _MODALITIES and is_shape(shape)):
        return False
    return len(medium) == _USUAL_KEYS or (
        COUNT.holds(medium.get("soundtrack_of", 0)) and NUMBER.holds(medium.get("seconds", 0))
    )


_MEDIUM = Fields(
    {"modality": one_of(MODALITIES), "key": TEXT, "shape": SHAPE, "dtype": DTYPE, "offset": COUNT, "nbytes": COUNT},
    {"source": TEXT, "soundtrack_of": COUNT, "seconds": NUMBER},
    usual=_is_usual,
)
ROW = Fields(
    {"id": TEXT, "split": one_of(SPLITS), "shard": SHARD_NAME, "sample": PLAIN_NAME, "json": PAIR,
     "media": list_of(_MEDIUM)},
    {"kind": TEXT, "choices": TEXTS, "tags": TEXTS},
)  # fmt: skip
"""A row of `index.jsonl`."""


def row_from_json(content: Mapping[str, Any], dataset: int = 0) -> ConversationRow:
    """The inverse of `row_to_json`, for the dataset of this number."""
    shard = intern(content["shard"])
    kind = content.get("kind")
    return ConversationRow(
        id=content["id"],
        split=content["split"],
        kind=intern(kind) if kind else None,
        choices=content.get("choices"),
        media=tuple(_media_from_json(item, shard, dataset) for item in content["media"]),
        tags=tuple(content.get("tags") or ()),
        sample=intern(content["sample"]),
        shard=shard,
        offset=content["json"][0],
        nbytes=content["json"][1],
        dataset=dataset,
    )


def _media_to_json(ref: MediaRef) -> dict[str, Any]:
    content: dict[str, Any] = {
        "modality": ref.modality, "key": ref.key, "source": ref.source, "shape": list(ref.shape), "dtype": ref.dtype,
        "offset": ref.offset, "nbytes": ref.nbytes,
    }  # fmt: skip
    optional = {"soundtrack_of": ref.soundtrack_of, "seconds": ref.seconds}
    return content | {name: value for name, value in optional.items() if value is not None}


def _media_from_json(content: Mapping[str, Any], shard: str, dataset: int) -> MediaRef:
    return MediaRef(
        modality=intern(content["modality"]),
        key=intern(content["key"]),
        shape=tuple(content["shape"]),
        dtype=intern(content["dtype"]),
        shard=shard,
        offset=content["offset"],
        nbytes=content["nbytes"],
        soundtrack_of=content.get("soundtrack_of"),
        seconds=content.get("seconds"),
        source=intern(content.get("source") or ""),
        dataset=dataset,
    )
