"""Items per second of `macaw extract-features` against the bare encoders: CLIP L/14-336 and Whisper base."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from results import ON_GPU, Part
from sample_media import make_audio, make_images, make_whisper
from timing import milliseconds
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from macaw_cli.encoders.frozen import tf32_products

DEVICE = "cuda" if ON_GPU else "cpu"
IMAGES, AUDIO_FILES, BATCH = (1024, 256, 64) if ON_GPU else (4, 2, 2)
WIDTH, LAYERS, HEADS, SIDE = (1024, 24, 16, 336) if ON_GPU else (64, 2, 4, 56)
FORMATS = {"fp32": torch.float32, "tf32": torch.float32} | (
    {"bf16": torch.bfloat16, "fp16": torch.float16} if ON_GPU else {}
)
WAYS = [("images", IMAGES, "auto"), ("audio", AUDIO_FILES, "auto"), ("images", IMAGES, "fp32")][: None if ON_GPU else 1]
LIMIT_S = 90
RATE = 16_000
HEARD = {"sampling_rate": RATE, "return_tensors": "pt"}
AT_ONCE = 16


def main() -> None:
    """Make media and encoders, measure the bare encoders, then the command."""
    part = Part("extraction")
    with tempfile.TemporaryDirectory(prefix="macaw-extraction-") as name:
        folder = Path(name)
        make_media(folder)
        make_encoders(folder)
        with part.trying("bare"):
            bare(folder, part)
        settings = {"image_encoder": "clip", "audio_encoder": "whisper", "device": DEVICE}
        (folder / "macaw.yaml").write_text(json.dumps({"version": 1, "features": settings}))
        for kind, count, precision in WAYS:
            with part.trying(f"macaw {kind} {precision}"):
                part.put(f"macaw {kind} {precision}", extracted(folder, kind, count, precision))


def make_media(folder: Path) -> None:
    """Images and audio files of 10 s, no two alike, on all cores."""
    with ProcessPoolExecutor() as pool:
        for first in range(0, IMAGES, AT_ONCE):
            pool.submit(make_images, folder / "images", min(AT_ONCE, IMAGES - first), first=first)
        for first in range(0, AUDIO_FILES, AT_ONCE):
            pool.submit(make_audio, folder / "audio", min(AT_ONCE, AUDIO_FILES - first), 10.0, RATE, first=first)


def make_encoders(folder: Path) -> None:
    """Random weights."""
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        patch_size=14, image_size=SIDE, projection_dim=768,
    )  # fmt: skip
    with torch.device(DEVICE):
        tower = CLIPVisionModelWithProjection(config)
    tower.cpu().save_pretrained(folder / "clip")
    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    CLIPImageProcessorPil(**size).save_pretrained(folder / "clip")
    make_whisper(folder / "whisper")


def bare(folder: Path, part: Part) -> None:
    """Forward passes of prepared batches that are on the device already, and spectrograms on the CPU."""
    clip = CLIPVisionModelWithProjection.from_pretrained(folder / "clip").to(DEVICE).eval()
    whisper = WhisperForConditionalGeneration.from_pretrained(folder / "whisper").model.encoder.to(DEVICE).eval()
    inputs = {"images": (clip.vision_model, (BATCH, 3, SIDE, SIDE)), "audio": (whisper, (BATCH, 80, 3000))}
    for name, dtype in FORMATS.items():
        for kind, (model, shape) in inputs.items():
            prepared = torch.randn(shape, device=DEVICE, dtype=dtype)
            model.to(dtype)
            with tf32_products(torch.device(DEVICE), enabled=name == "tf32"):
                part.put(f"bare {kind} {name}, items/s", rate(partial(model, prepared)))
    extractor = WhisperFeatureExtractor.from_pretrained(folder / "whisper")
    waves = [np.random.default_rng(number).standard_normal(10 * RATE).astype("float32") for number in range(BATCH)]
    part.put("spectrograms on the cpu, items/s", rate(partial(extractor, waves, **HEARD)))


@torch.inference_mode()
def rate(work: Callable[[], object]) -> float:
    """Items per second of a batch."""
    return round(BATCH / milliseconds(work) * 1000, 1)


def extracted(folder: Path, kind: str, count: int, precision: str) -> dict[str, object]:
    """The whole command, start included, and what it says of its own time."""
    command = [
        sys.executable, "-m", "macaw_cli", "extract-features", kind, "--out", f"features-{kind}-{precision}",
        "--set", f"features.precision={precision}", "--json",
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False
    )
    wall = time.monotonic() - began
    found: dict[str, object] = {"exit": done.returncode, "wall_s": round(wall, 1)}
    found["items/s, start included"] = round(count / wall, 1)
    if done.returncode:
        return found | {"stdout": done.stdout[-500:], "stderr": done.stderr[-700:]}
    report = json.loads(done.stdout)
    return found | {name: report[name] for name in ("seconds", "made", "stages") if name in report}


if __name__ == "__main__":
    main()
