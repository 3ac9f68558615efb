"""The bare work of an extraction: decode each file, run the encoder, keep nothing. Called by `extraction.py`.

    python benchmarks/bare_extraction.py images|audio|videos BATCH auto|cpu|cuda

Written with PIL, soundfile, decord, soxr and transformers alone. Prints the seconds of both halves as JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

FRAMES, RATE = 6, 16_000


def main() -> None:
    """Decode and encode batch after batch."""
    kind, batch, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    device = torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    prepare, encode = (hearing if kind == "audio" else seeing)(device)
    files = sorted(Path(kind).iterdir())
    per_batch = max(1, batch // FRAMES) if kind == "videos" else batch
    seconds = {"decode": 0.0, "encode": 0.0}
    for first in range(0, len(files), per_batch):
        began = time.monotonic()
        inputs = prepare([piece for file in files[first : first + per_batch] for piece in DECODE[kind](file)])
        decoded = time.monotonic()
        encode(inputs)
        seconds["decode"] += decoded - began
        seconds["encode"] += time.monotonic() - decoded
    print(json.dumps({f"{stage}_s": round(spent, 2) for stage, spent in seconds.items()}))


def image(file: Path) -> list[object]:
    """One image."""
    from PIL import Image

    with Image.open(file) as image:
        return [image.convert("RGB")]


def audio(file: Path) -> list[object]:
    """One waveform, mono, 16 kHz."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return [soxr.resample(samples.mean(axis=1), rate, RATE)]


def video(file: Path) -> list[object]:
    """Six frames at the middles of equal parts."""
    import decord
    from PIL import Image

    reader = decord.VideoReader(str(file), num_threads=1)
    indices = ((np.arange(FRAMES) + 0.5) / FRAMES * len(reader)).astype(int)
    return [Image.fromarray(frame) for frame in reader.get_batch(indices).asnumpy()]


DECODE = {"images": image, "audio": audio, "videos": video}


def seeing(device: torch.device):
    """Preprocessing and forward of the CLIP tower."""
    from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

    processor = CLIPImageProcessorPil.from_pretrained("clip")
    model = CLIPVisionModelWithProjection.from_pretrained("clip", dtype=torch.float32).to(device).eval()

    @torch.inference_mode()
    def encode(pixels):
        return model.visual_projection(model.vision_model(pixels.to(device)).last_hidden_state[:, 1:]).cpu()

    return lambda images: processor(images=images, return_tensors="pt")["pixel_values"], encode


def hearing(device: torch.device):
    """Preprocessing and forward of the Whisper encoder."""
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    extractor = WhisperFeatureExtractor.from_pretrained("whisper")
    whole = WhisperForConditionalGeneration.from_pretrained("whisper", dtype=torch.float32)
    encoder = whole.model.encoder.to(device).eval()

    @torch.inference_mode()
    def encode(features):
        return encoder(features.to(device)).last_hidden_state.cpu()

    return lambda waves: extractor(waves, sampling_rate=RATE, return_tensors="pt")["input_features"], encode


if __name__ == "__main__":
    main()
