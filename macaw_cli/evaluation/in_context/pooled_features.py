"""One vector per medium, to find media that are alike: the mean of its cached features."""

from collections.abc import Hashable, Sequence

import numpy as np

from macaw_cli.basics.console import progress
from macaw_cli.encoders.padding import window_layout
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow, MediaRef

Vector = np.ndarray
"""(channels,) fp32, of length 1 or 0."""


class PooledFeatures:
    """Reads the features of each medium once.

    Args:
        dataset: that holds them.
    """

    def __init__(self, dataset: DatasetReader) -> None:
        self._dataset = dataset
        self._vectors: dict[tuple[str, Modality, int], Vector] = {}
        self._matrices: dict[tuple[Hashable, Modality], np.ndarray] = {}
        fingerprint = dataset.fingerprints.get("audio", {})
        self._heard = None if fingerprint.get("audio_padding") == "drop" else window_layout(fingerprint)

    def similarities(self, row: ConversationRow, name: Hashable, others: Sequence[ConversationRow]) -> np.ndarray:
        """How alike the media of other conversations are, in -1..1, (len(others),) fp32.

        The cosine per modality, averaged over the modalities that `row` has.

        Args:
            row: with media.
            name: of the group that `others` are, which has always the same ones.
            others: conversations with the same modalities.
        """
        self._read([row])
        modalities = list(dict.fromkeys(ref.modality for ref in row.media))
        found = [self._matrix(name, others, modality) @ self._of(row, modality) for modality in modalities]
        alike: np.ndarray = sum(found) / np.float32(len(found))
        return alike

    def _matrix(self, name: Hashable, rows: Sequence[ConversationRow], modality: Modality) -> np.ndarray:
        """(len(rows), channels) fp32."""
        if (name, modality) not in self._matrices:
            self._read(rows)
            self._matrices[name, modality] = np.stack([self._of(row, modality) for row in rows])
        return self._matrices[name, modality]

    def _of(self, row: ConversationRow, modality: Modality) -> Vector:
        """The mean over a conversation's media of one modality."""
        found = [self._vectors[_name(ref)] for ref in row.media if ref.modality == modality]
        return found[0] if len(found) == 1 else _unit(np.mean(found, axis=0))

    def _read(self, rows: Sequence[ConversationRow]) -> None:
        missing = {_name(ref): ref for row in rows for ref in row.media if _name(ref) not in self._vectors}
        if not missing:
            return
        with progress("read features", len(missing), "media", passing=True) as advance:
            for name, ref in missing.items():
                self._vectors[name] = self._pooled(ref)
                advance(1, "")

    def _pooled(self, ref: MediaRef) -> Vector:
        """The mean over all tokens; of audio that is padded to a window, over those that are heard."""
        features = np.asarray(self._dataset.features(ref), np.float32)
        flat = features.reshape(-1, features.shape[-1])
        if ref.modality == "audio" and self._heard is not None and ref.seconds is not None:
            whole = self._heard.layers * self._heard.positions
            if len(flat) % whole == 0:  # not where a view has cut the padding away
                flat = np.concatenate([flat[part] for part in self._heard.slices(len(flat), ref.seconds)])
        return _unit(flat.mean(axis=0))


def _name(ref: MediaRef) -> tuple[str, Modality, int]:
    return ref.key, ref.modality, ref.dataset


def _unit(vector: np.ndarray) -> Vector:
    length = float(np.linalg.norm(vector))
    unit: Vector = (vector / length if length > 0 else vector).astype(np.float32)
    return unit
