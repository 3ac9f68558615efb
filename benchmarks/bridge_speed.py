"""Time bridges against the same computation in stock modules, forward and backward, side by side in one run.

    python benchmarks/bridge_speed.py [--device cuda] [--rounds 20]

A row's ratio is the time of macaw's bridge on a list of media over the time of the stock module on the same media as
one tensor; both take turns, and the medians are compared. The goal is 1.1 at most. `norm: false` in all rows, which is
the published computation.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Gemma3Config,
    Idefics3Config,
    IdeficsConfig,
    InternVLConfig,
    Kosmos2Config,
    LlamaConfig,
    VoxtralConfig,
)
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.models.idefics.perceiver import IdeficsPerceiverResampler
from transformers.models.idefics3.modeling_idefics3 import Idefics3Connector
from transformers.models.internvl.modeling_internvl import InternVLMultiModalProjector
from transformers.models.kosmos2.modeling_kosmos2 import Kosmos2ImageToTextProjection
from transformers.models.voxtral.modeling_voxtral import VoxtralMultiModalProjector

from macaw_cli.config.bridges.designs import design
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.registry import build_bridge
from macaw_cli.model.configuration import MacawConfig

MEDIA, SIDE, CHANNELS, WIDTH = 8, 16, 768, 576
FRAMES = 1500
GOAL = 1.1


@dataclass(frozen=True)
class Row:
    """One comparison."""

    name: str
    """Of the design."""
    options: dict[str, Any]
    """Its settings beside `norm: false`."""
    stock: Callable[[Tensor], Tensor]
    """From all media (B, N, C) to their soft tokens."""
    audio: bool = False
    """Whether the media are audio features, 1500 tokens of 512 channels."""


def rows() -> Iterator[Row]:
    """Every design that a stock module computes."""
    yield Row("linear", {}, nn.Linear(CHANNELS, WIDTH))
    yield Row("mlp", {}, nn.Sequential(nn.Linear(CHANNELS, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)))
    vision, text = {"hidden_size": CHANNELS}, {"hidden_size": WIDTH}
    idefics = Idefics3Config(vision_config=vision, text_config={"model_type": "llama", **text}, scale_factor=2)
    yield Row("pixel-shuffle", {"variant": "linear"}, Idefics3Connector(idefics))
    internvl_config = InternVLConfig(vision_config=vision, text_config={"model_type": "qwen2", **text})
    internvl = InternVLMultiModalProjector(internvl_config)
    yield Row("pixel-shuffle", {"variant": "mlp"}, lambda media: internvl(_shuffled(media)))
    gemma = Gemma3Config(
        vision_config={"hidden_size": CHANNELS, "image_size": 14 * SIDE, "patch_size": 14}, text_config=text,
        mm_tokens_per_image=SIDE * SIDE // 4,
    )  # fmt: skip
    yield Row("avg-pool", {"variant": "gemma3"}, Gemma3MultiModalProjector(gemma))
    kosmos = Kosmos2ImageToTextProjection(
        Kosmos2Config(vision_config=vision, text_config={"embed_dim": WIDTH, "attention_heads": 9}, latent_query_num=64)
    )
    yield Row("latent-cross-attention", {"tokens": 64, "heads": 9}, lambda media: kosmos(media)[0])
    resampler = IdeficsPerceiverResampler(_idefics(), CHANNELS, 2, 8, 64, 64)
    projection = nn.Linear(CHANNELS, WIDTH)
    yield Row("resampler", {"layers": 2, "activation": "relu"}, lambda media: projection(resampler(media)))
    yield _q_former()
    voxtral = VoxtralConfig(
        audio_config={"hidden_size": 512, "intermediate_size": 2048}, text_config={"hidden_size": WIDTH}
    )
    projector = VoxtralMultiModalProjector(voxtral)
    stacked = {"stride": 4, "bias": False, "hidden": WIDTH}
    yield Row("frame-stack", stacked, lambda media: projector(media.reshape(-1, 2048)), audio=True)


def _shuffled(media: Tensor) -> Tensor:
    """(B, N, C) -> (B, N / 4, 4 C): squares of four neighbours, in InternVL's order."""
    grid = media.view(MEDIA, SIDE, SIDE // 2, 2 * CHANNELS).permute(0, 2, 1, 3)
    return grid.reshape(MEDIA, SIDE // 2, SIDE // 2, 4 * CHANNELS).permute(0, 2, 1, 3).flatten(1, 2)


def _idefics() -> IdeficsConfig:
    return IdeficsConfig(vision_config={"embed_dim": CHANNELS}, perceiver_config={"qk_layer_norms_perceiver": False})


def _q_former() -> Row:
    layers = 4
    body = Blip2QFormerModel(
        Blip2QFormerConfig(
            hidden_size=WIDTH, num_hidden_layers=layers, num_attention_heads=9, intermediate_size=4 * WIDTH,
            encoder_hidden_size=CHANNELS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )
    norm, projection = nn.LayerNorm(CHANNELS), nn.Linear(WIDTH, WIDTH)
    queries = nn.Parameter(torch.randn(1, 32, WIDTH))

    def stock(media: Tensor) -> Tensor:
        read = body(query_embeds=queries.expand(len(media), -1, -1), encoder_hidden_states=norm(media))
        projected: Tensor = projection(read.last_hidden_state)
        return projected

    return Row("q-former", {"layers": layers, "heads": 9}, stock)


def ratio_of(row: Row, rounds: int, device: str) -> tuple[float, float]:
    """Median seconds of macaw's bridge and of the stock module."""
    modality = "audio" if row.audio else "image"
    shape = (FRAMES, 512) if row.audio else (SIDE * SIDE, CHANNELS)
    llm = LlamaConfig(hidden_size=WIDTH, num_attention_heads=9, num_key_value_heads=9, vocab_size=1000)
    settings = design(row.name, norm=False, **row.options)
    config = MacawConfig.for_llm(llm, settings, {modality: shape}, injection=NoInjectionSettings())
    bridge = build_bridge(config, modality)
    media = torch.randn(MEDIA, *shape)
    context = BridgeContext(torch.zeros(1, WIDTH))

    def ours() -> Tensor:
        return bridge(list(media), context)

    took: dict[str, list[float]] = {"ours": [], "stock": []}
    for turn in range(rounds + 2):
        for name, call in (("ours", ours), ("stock", lambda: row.stock(media))):
            seconds = _timed(call, device)
            if turn >= 2:
                took[name].append(seconds)
    return statistics.median(took["ours"]), statistics.median(took["stock"])


def _timed(call: Callable[[], Tensor], device: str) -> float:
    began = time.process_time() if device == "cpu" else time.perf_counter()
    call().square().mean().backward()
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter() - began
    return time.process_time() - began


def main() -> int:
    """Print a line per design; 1 if one costs more than the goal."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = options.parse_args()
    torch.set_num_threads(1)
    torch.set_default_device(given.device)
    worst = 0.0
    for row in rows():
        ours, stock = ratio_of(row, given.rounds, given.device)
        worst = max(worst, ours / stock)
        told = " ".join(f"{key}={value}" for key, value in row.options.items())
        print(f"{row.name:24}{told:36}{1000 * ours:9.1f} ms{1000 * stock:9.1f} ms   ratio {ours / stock:.2f}")
    print(f"worst ratio {worst:.2f} (goal {GOAL:.2f})")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
