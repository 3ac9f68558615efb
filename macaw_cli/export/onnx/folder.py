"""A folder of `--format onnx`: what stands in it, and from a medium to its soft tokens with nothing but onnxruntime.

Letters: N feature tokens, F frames, C channels, K soft tokens, D the LLM's hidden size.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, Fields
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.image_processors import load_image_processor
from macaw_cli.encoders.padding import WindowLayout
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.selection import pool_frames
from macaw_cli.encoders.views import View, trimmed
from macaw_cli.export.onnx.graphs import Graph
from macaw_cli.modalities.table import ENCODER_OF, TABLE, EncoderRole, Modality
from macaw_cli.model.configuration import MacawConfig

SPEC_FILE = "macaw_onnx.json"
SPEC_VERSION = 1
_SPEC = Fields({"encoders": OBJECT, "modalities": OBJECT})
BEGIN_END = "begin_end.safetensors"
"""Embeddings (1, D) of `MODALITY.begin` and `MODALITY.end`, fp32; of families with other tokens around media (n, D)."""
PROCESSORS: Mapping[EncoderRole, str] = {"image": "image_processor", "audio": "feature_extractor"}
"""Subfolder of each encoder's preprocessing, as transformers saves it."""


@dataclass(frozen=True)
class EncoderSpec:
    """One encoder."""

    graph: Graph
    architecture: str
    """`model_type` of transformers."""
    one_by_one: bool
    """Whether each medium has a size of its own, so that the graph takes one at a time."""


@dataclass(frozen=True)
class MediaSteps:
    """What is done between the graphs, for one modality."""

    audio_windows: int | None = None
    """Windows that are encoded of an audio file at most; their tokens stand one behind the other."""
    frames: int | None = None
    """Frames that are taken of a video, evenly spaced."""
    pool_frames: int | None = None
    """To how many the features of frames are averaged."""
    trim: WindowLayout | None = None
    """Which tokens lie within the audio: the first ceil(seconds x positions / window), of each window and layer."""


def steps_of(config: MacawConfig, modality: Modality, view: View) -> MediaSteps:
    """The steps of one modality of a model."""
    if modality == "video":
        return MediaSteps(frames=config.video_frames, pool_frames=config.pool_frames)
    return MediaSteps(config.audio_windows, trim=view.trim) if modality == "audio" else MediaSteps()


def spec_as_json(
    encoders: Mapping[EncoderRole, EncoderSpec], bridges: Mapping[Modality, tuple[Graph, MediaSteps]], hidden_size: int
) -> dict[str, Any]:
    """The content of `macaw_onnx.json`."""
    return {
        "format_version": SPEC_VERSION,
        "hidden_size": hidden_size,
        "encoders": {
            role: {
                **spec.graph.as_json(), "architecture": spec.architecture, "one_by_one": spec.one_by_one,
                "preprocessing": PROCESSORS[role],
            }
            for role, spec in encoders.items()
        },
        "modalities": {
            name: {"encoder": ENCODER_OF.get(name), "between": _without_none(asdict(steps)), "bridge": graph.as_json()}
            for name, (graph, steps) in bridges.items()
        },
        "begin_end": BEGIN_END,
    }  # fmt: skip


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


class OnnxMedia:
    """From media to soft tokens, as a program without the model does it.

    Args:
        folder: of an export.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._spec = folder, read_object(folder / SPEC_FILE, _SPEC)
        self._sessions: dict[str, Any] = {}

    def soft_tokens(self, modality: Modality, medium: Any) -> NDArray[Any]:
        """(K, D) fp32.

        Args:
            modality: of the medium.
            medium: an image (H, W, 3) uint8, a video (F, H, W, 3) uint8, audio (samples,) fp32 at the extractor's
                rate; of a modality without an encoder its features (N, C).
        """
        row = self._spec["modalities"][modality]
        role, steps = row["encoder"], row["between"]
        features = medium if role is None else self._features(role, steps, modality, medium)
        return self._run(row["bridge"], np.ascontiguousarray(features, dtype=np.float32))

    def _features(self, role: EncoderRole, steps: dict[str, Any], modality: Modality, medium: Any) -> NDArray[Any]:
        spec = self._spec["encoders"][role]
        kind = encoder_class(f"{role}_encoder", spec["architecture"])
        processor = self._feature_extractor if role == "audio" else self._image_processor
        parts = [medium]
        if modality == "video":
            parts = list(medium)
        elif modality == "audio":
            parts = cut_windows(medium, processor, steps["audio_windows"])
        prepared = kind.prepared(processor, parts)
        if spec["one_by_one"]:
            found = [torch.from_numpy(self._run(spec, one.numpy())) for one in prepared]
        else:
            found = list(torch.from_numpy(self._run(spec, torch.stack(list(prepared)).numpy())))
        if TABLE[modality].is_image:
            return np.asarray(found[0])
        if modality == "video":
            return np.asarray(pool_frames(found, steps.get("pool_frames")))
        tokens = torch.cat(found)
        if "trim" in steps:
            tokens = trimmed(WindowLayout(**steps["trim"]), tokens, len(medium) / processor.sampling_rate)
        return np.asarray(tokens)

    def _run(self, graph: dict[str, Any], value: NDArray[Any]) -> NDArray[Any]:
        from onnxruntime import InferenceSession

        file = graph["file"]
        if file not in self._sessions:
            self._sessions[file] = InferenceSession(str(self._folder / file), providers=["CPUExecutionProvider"])
        (name,), (output,) = graph["inputs"], graph["output"]
        made: NDArray[Any] = self._sessions[file].run([output], {name: value})[0]
        return made

    @cached_property
    def _image_processor(self) -> Any:
        return load_image_processor(str(self._folder / PROCESSORS["image"]))

    @cached_property
    def _feature_extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        return load_preprocessor(AutoFeatureExtractor, self._folder / PROCESSORS["audio"])
