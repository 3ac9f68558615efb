"""Media of the workspace for the proof of an export: files that its feature stores know and that are still there."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.urls import is_url
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.proving.sample_media import frames_of
from macaw_cli.media.audio import decode_audio
from macaw_cli.media.decoding import decode
from macaw_cli.media.images import load_image
from macaw_cli.media.video import load_frames
from macaw_cli.modalities.table import ENCODER_OF, TABLE, Modality
from macaw_cli.shards.feature_store import FeatureStore

OF_EACH = 2
"""Files of each modality."""
TRIED = 16
"""Rows of a store that are looked at for each modality: their files may be gone."""
LONGEST_S = 10.0
"""Seconds of audio that are heard."""


def real_media(
    workspace: Workspace, config: Any, sampling_rate: int, modalities: Sequence[Modality] | None = None
) -> Iterator[tuple[str, Modality, NDArray[Any]]]:
    """A few media files for each modality with an encoder: the path, the modality and what was decoded.

    Args:
        workspace: its `dataset.features` are the stores.
        config: of the model.
        sampling_rate: of the audio, in Hz.
        modalities: of the files; None for those that the model is fed.
    """
    for modality in config.modalities if modalities is None else modalities:
        if modality in ENCODER_OF:
            found = 0
            for path in _paths(workspace, modality):
                try:
                    with quiet_transformers():
                        medium = _decoded(path, modality, config, sampling_rate)
                except MacawError:
                    continue  # the proof does without it
                yield path.name, modality, medium
                found += 1
                if found == OF_EACH:
                    break


def _paths(workspace: Workspace, modality: Modality) -> Iterator[Path]:
    for name in workspace.settings.dataset.features:
        if is_url(name):
            continue
        folder = workspace.path(name)
        try:
            rows = FeatureStore(folder, check_sizes=False).spread(modality, TRIED)
        except MacawError:
            continue  # no store, or one that is being written
        for row in filter(lambda one: one.path, rows):
            named = (Path(os.path.normpath(root / row.path)) for root in (workspace.root, folder.parent, folder))
            if file := next((one for one in named if one.is_file()), None):
                yield file


def _decoded(path: Path, modality: Modality, config: Any, sampling_rate: int) -> NDArray[Any]:
    if TABLE[modality].is_image and modality != "image":
        return decode({"path": str(path), "modality": modality})[1][modality]
    if modality == "image":
        return np.asarray(load_image(path))
    if modality == "audio":
        return decode_audio(path, sampling_rate, end=LONGEST_S).samples
    return load_frames(path, frames_of(config))[0]
