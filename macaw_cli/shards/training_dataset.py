"""The reader of training shards: rows from the index, text and features by positioned reads."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.dataset_lock import INDEX_NAME, LOCK_NAME, read_lock, require_whole
from macaw_cli.shards.expert_texts import ExpertTexts, fed, told, use_identity
from macaw_cli.shards.positioned_reads import PositionedReads
from macaw_cli.shards.stored_conversations import read_conversation
from macaw_cli.shards.told_media import TextUse
from macaw_cli.shards.training_rows import ROW, ConversationRow, MediaRef, Split, row_from_json


class FeatureView(Protocol):
    """What is done to the features of one modality when they are read."""

    @property
    def needs_seconds(self) -> bool:
        """Whether the length of each medium must be known."""

    @property
    def of_null(self) -> "FeatureView":
        """The view of null features."""

    def shape(self, shape: Sequence[int], seconds: float | None) -> tuple[int, ...]:
        """The shape that `array` gives."""

    def array(self, features: np.ndarray, seconds: float | None) -> np.ndarray:
        """The features as a model sees them, in the same number format."""


class TrainingDataset:
    """A finished dataset folder, checked when opened; safe to use from threads.

    Args:
        folder: what `macaw build-dataset` wrote.
        number: its place among datasets that are joined; its rows carry it.

    Raises:
        InputError: there is no finished dataset.
        MismatchError: a newer macaw wrote it.
        DamagedError: a file is missing or cut.
    """

    def __init__(self, folder: Path, number: int = 0) -> None:
        self.folder = Path(folder)
        self.info: dict[str, Any] = read_lock(self.folder)
        self.fingerprints: dict[str, dict[str, Any]] = self.info["fingerprints"]
        self.hash: str = self.info["hash"]
        require_whole(self.folder, self.info)
        self._opened_as = self._identity()
        self._rows = [row_from_json(content, number) for content in self._index()]
        self._reads = PositionedReads(self.folder, before_open=self._require_unchanged)
        self._views: Mapping[Modality, FeatureView] = {}
        self.text_use = TextUse()
        self._whole: list[ConversationRow] = []

    def __len__(self) -> int:
        """Number of conversations in both splits."""
        return len(self._rows)

    @property
    def title(self) -> str:
        """Its name in messages."""
        return "the dataset" if self.folder.name == "dataset" else f"the dataset {self.folder.name}"

    def conversations(self, split: Split, *, whole: bool = False) -> list[ConversationRow]:
        """All conversations of `split`, in the order of the index.

        Args:
            split: `train` or `val`.
            whole: whether media that are told as text and not fed are among the rows' `media`, which have the texts.
        """
        rows = self._whole if whole and self._whole else self._rows
        return [row for row in rows if row.split == split]

    def viewed(self, views: Mapping[Modality, FeatureView]) -> Self:
        """The dataset read through views: shapes and features are those that the model sees.

        Args:
            views: per modality; the others stay as they are stored.

        Raises:
            InputError: a view needs the length of each medium, and one has none.
        """
        seen = copy.copy(self)
        seen._views = views
        seen._rows = (
            [replace(row, media=tuple(map(seen._seen, row.media))) for row in self._rows] if views else self._rows
        )
        return seen

    @property
    def experts(self) -> list[dict[str, Any]]:
        """The experts whose texts it holds, as `dataset.json` describes them."""
        experts: list[dict[str, Any]] = self.info.get("experts") or []
        return experts

    @property
    def identity(self) -> str:
        """A hash of the conversations as they are read: texts of experts included."""
        return fingerprint([self.hash, use_identity(self.text_use)]) if self.text_use.names else self.hash

    def told(self, use: TextUse) -> Self:
        """The dataset read with texts of its experts, which its rows have.

        Args:
            use: which texts, and whether the model gets the features of the media beside them.
        """
        if not use.names:
            return self
        seen, texts = copy.copy(self), ExpertTexts(self.folder, use)
        seen.text_use = use
        seen._whole = [replace(row, media=texts.whole(row.media)) for row in self._rows]
        seen._rows = [replace(row, media=fed(row.media), told=told(row.media)) for row in seen._whole]
        return seen

    def conversation(self, row: ConversationRow) -> dict[str, Any]:
        """The whole conversation as stored: canonical fields and every extra key of its source."""
        return read_conversation(self._reads, row, self.folder)

    def messages(self, row: ConversationRow) -> list[dict[str, Any]]:
        """The canonical messages: `{"role", "content"}`, the content text or a list of parts."""
        messages: list[dict[str, Any]] = self.conversation(row)["messages"]
        return messages

    def features(self, ref: MediaRef) -> np.ndarray:
        """The features of one medium: fp16, `ref.shape`; one positioned read, then the view.

        Raises:
            DamagedError: the shard is missing or cut.
            MismatchError: the dataset was built anew since it was opened.
        """
        stored = self._reads.array(ref.shard, ref.offset, ref.stored_shape or ref.shape, ref.dtype)
        return stored if ref.stored_shape is None else self._views[ref.modality].array(stored, ref.seconds)

    def null_features(self, modality: Modality) -> np.ndarray | None:
        """The encoder's features of an all-zero input, a whole window, fp16; None when the stores held none."""
        entry = self.info["null"].get(modality)
        if entry is None:
            return None
        stored = self._reads.array(entry["shard"], entry["offset"], tuple(entry["shape"]), entry["dtype"])
        return self._views[modality].of_null.array(stored, None) if modality in self._views else stored

    def verify(self) -> None:
        """Read and hash every file.

        Raises:
            DamagedError: a file differs from what was written.
        """
        require_whole(self.folder, self.info, hashes=True)

    def _seen(self, ref: MediaRef) -> MediaRef:
        view = self._views.get(ref.modality)
        if view is None:
            return ref
        if view.needs_seconds and ref.seconds is None:
            raise InputError(
                f"`views.{ref.modality}.trim` needs the length of each {ref.modality}, but {self.title} does not hold "
                f"that of {ref.source or ref.key}.",
                f"Build the dataset again with `macaw build-dataset`, or set views.{ref.modality}.trim=false.",
            )
        return replace(ref, shape=view.shape(ref.shape, ref.seconds), stored_shape=ref.shape)

    def _index(self) -> Iterator[dict[str, Any]]:
        return iterate_objects(self.folder / INDEX_NAME, ROW)

    def _identity(self) -> tuple[int, int]:
        status = (self.folder / LOCK_NAME).stat()
        return status.st_ino, status.st_mtime_ns

    def _require_unchanged(self, name: str) -> None:
        """A rebuild in the same folder would make the offsets of this reader point at other bytes."""
        try:
            unchanged = self._identity() == self._opened_as
        except FileNotFoundError:
            unchanged = False
        if not unchanged:
            raise MismatchError(
                f"The dataset {self.folder} was rebuilt while it was being read (noticed at {name}).",
                "Start again. To keep a dataset while another is built, give --out.",
            )
