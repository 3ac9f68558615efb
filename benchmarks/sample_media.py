"""Media files and encoders of published sizes, made on the spot for the benchmarks of extraction."""

from pathlib import Path

import numpy as np


def make_images(folder: Path, count: int, size: tuple[int, int] = (640, 480), *, first: int = 0) -> None:
    """JPEGs with the statistics of photographs: smooth areas, some texture (about 60 KB at 640 x 480)."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(smooth + generator.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{number:06}.jpg", quality=90)


def make_audio(folder: Path, count: int, seconds: float = 20.0, rate: int = 44_100, *, first: int = 0) -> None:
    """FLACs of noise and tones, stereo."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * rate)) / rate
    for number in range(first, first + count):
        generator = np.random.default_rng(number)
        tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in generator.uniform(100, 4000, 4)) / 8
        noise = generator.standard_normal((len(time), 2)) * 0.02
        soundfile.write(folder / f"{number:06}.flac", tones[:, None] + noise, rate)


def make_videos(folder: Path, count: int, seconds: int = 6, fps: int = 25, size: tuple[int, int] = (640, 360)) -> None:
    """H.264 MP4s of a moving square over a texture, without audio."""
    import av

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        ground = np.random.default_rng(number).integers(60, 200, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        ground = ground.repeat(8, 0).repeat(8, 1)
        with av.open(str(folder / f"{number:06}.mp4"), "w") as container:
            stream = container.add_stream("h264", rate=fps, options={"preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for step in range(seconds * fps):
                frame = ground.copy()
                frame[100:180, 2 * step : 2 * step + 80] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())


def make_clip(folder: Path, layers: int = 12, width: int = 768, patch: int = 16) -> None:
    """A CLIP vision tower with random weights; the default is the size of ViT-B/16."""
    import torch
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
        patch_size=patch, image_size=224, projection_dim=512,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}).save_pretrained(folder)


def make_whisper(folder: Path) -> None:
    """A Whisper of base size with random weights."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=512, encoder_layers=6, decoder_layers=1, encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=2048, decoder_ffn_dim=512, vocab_size=60, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, suppress_tokens=[], begin_suppress_tokens=[3],
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
