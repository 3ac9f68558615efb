"""The proof of an export: a fresh process reloads the folder, looks at raw media, and gives the source's logits.

`python -m macaw_cli.export.proof FOLDER MEDIA.npz LOGITS.npz` is that fresh process.
"""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from macaw_cli.basics import child
from macaw_cli.basics.errors import MismatchError
from macaw_cli.export.sample_media import QUESTION
from macaw_cli.modalities.table import TABLE

LIMITS = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}
"""Largest difference that rounding explains, relative to the largest logit, per number format of the weights."""


@dataclass(frozen=True)
class Proof:
    """How close the reloaded model came."""

    modalities: tuple[str, ...]
    positions: int
    """Positions whose logits were compared."""
    largest_difference: float
    """Over all logits, relative to the largest one of the source."""
    limit: float
    same_likeliest: float
    """Share of the positions at which both find the same token likeliest."""

    @property
    def holds(self) -> bool:
        """Whether rounding explains the difference."""
        return self.largest_difference <= self.limit  # false for NaN as well

    def as_json(self) -> dict[str, Any]:
        """The proof as it stands in the export's report."""
        return asdict(self)

    def __str__(self) -> str:
        """The result in one sentence, for people."""
        return (
            f"largest logit difference {self.largest_difference:.1e} of the largest logit (limit {self.limit:.0e}),"
            f" the same likeliest token at {self.same_likeliest:.0%} of {self.positions} positions"
        )


@torch.inference_mode()
def source_logits(model: Any, processor: Any, encoders: Any, media: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Logits (T, V) of the model as it is, from features that its own encoders make.

    Args:
        model: the source.
        processor: its processor.
        encoders: `ModelEncoders` of the source.
        media: what `sample_media` returned.
    """
    features: dict[str, list[torch.Tensor]] = {}
    for modality, medium in media.items():
        features[TABLE[modality].features_keyword] = [encoders.encode(modality, medium)]
    return _logits(model, processor(QUESTION, **features))


def prove(folder: Path, media: dict[str, NDArray[Any]], expected: NDArray[Any], dtype: torch.dtype) -> Proof:
    """Reload `folder` in a fresh process and compare its logits from raw media with `expected`.

    Raises:
        MismatchError: the folder does not reload.
    """
    with tempfile.TemporaryDirectory(prefix="macaw-export-") as scratch:
        given, answered = Path(scratch, "media.npz"), Path(scratch, "logits.npz")
        np.savez(given, **media)  # type: ignore[arg-type]
        done = child.run(child.tied("macaw_cli.export.proof", str(folder), str(given), str(answered)))
        if done.code != 0:
            problem = f"The export does not load in a fresh process: {done.last_line}."
            raise MismatchError(problem, "Nothing was exported. Please report this.")
        with np.load(answered, allow_pickle=False) as content:
            found = content["logits"]
    return compare(expected, found, tuple(media), LIMITS[dtype])


def compare(expected: NDArray[Any], found: NDArray[Any], modalities: tuple[str, ...], limit: float) -> Proof:
    """Compare two logits (T, V), fp32; different shapes count as infinitely different."""
    if expected.shape != found.shape:
        return Proof(modalities, len(expected), float("inf"), limit, 0.0)
    difference = float(np.abs(expected - found).max() / np.abs(expected).max())
    likeliest = float((expected.argmax(-1) == found.argmax(-1)).mean())
    return Proof(modalities, len(expected), difference, limit, likeliest)


def _logits(model: Any, inputs: Any) -> NDArray[Any]:
    logits: NDArray[Any] = model(**inputs).logits[0].float().numpy()
    return logits


@torch.inference_mode()
def _answer_as_a_stranger(folder: str, media_file: str, logits_file: str) -> None:
    """What somebody does who only has the folder."""
    from macaw_cli import MacawForConditionalGeneration, MacawProcessor

    model = MacawForConditionalGeneration.from_pretrained(folder).eval()
    processor = MacawProcessor.from_pretrained(folder)
    with np.load(media_file, allow_pickle=False) as content:
        media = {TABLE[modality].processor_keyword: [content[modality]] for modality in content.files}
    np.savez(logits_file, logits=_logits(model, processor(QUESTION, **media)))


if __name__ == "__main__":
    _answer_as_a_stranger(*sys.argv[1:])
