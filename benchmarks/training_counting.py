"""Floating point operations of a training step, counted, and what dense matrix products reach on the same device."""

import time
from collections.abc import Sequence

import torch
from torch import nn

from macaw_cli.model.alignment import folding_is_cheaper
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.training.data.batches import Batch

PEAK_SIZE, PEAK_PRODUCTS = 8192, 50


def flops_of_training(model: MacawForConditionalGeneration, batches: Sequence[Batch]) -> dict[str, float]:
    """Operations of forward and backward over these sequences, by what they are for.

    A multiplication and an addition count as two. A matrix costs 2 operations per value and token forward, 2 for the
    gradient of what entered it, and 2 for its own where it is trained. `head` is counted where macaw computes it, at
    supervised positions; `head at all positions` is what the usual 6 N tokens counts beyond that.
    """
    head, embeddings = model.get_output_embeddings().weight, model.embedding_matrix
    adapter = sum(p.numel() for p in model.language_model.parameters() if p.requires_grad and not head.requires_grad)
    inside = sum(p.numel() for p in model.language_model.parameters()) - head.numel() - embeddings.numel() - adapter
    passes = 3 if head.requires_grad else 2
    tokens = sum(batch.input_ids.numel() for batch in batches)
    supervised = sum(int((batch.labels >= 0).sum()) for batch in batches)
    config = model.config.text_config
    pairs = sum(length**2 for batch in batches for length in example_lengths(batch)) / 2  # causal: half of them
    return {
        "llm": 2.0 * passes * inside * tokens + 6.0 * adapter * tokens,
        "head": 2.0 * passes * head.numel() * supervised,
        "head at all positions": 2.0 * passes * head.numel() * (tokens - supervised),
        "attention": 3 * 4.0 * pairs * config.num_attention_heads * head_dim(config) * config.num_hidden_layers,
        "alignment": passes * sum(alignment_flops(model, batch) for batch in batches),
    }


def alignment_flops(model: MacawForConditionalGeneration, batch: Batch) -> float:
    """Forward operations of the attention to the embedding matrix, in the form that macaw chooses."""
    rows, width = model.embedding_matrix.shape
    total = 0.0
    for name, bridge in model.fusion.bridges.items():
        queries = int((batch.input_ids == model.config.soft_token_ids[name]).sum())
        if folding_is_cheaper(queries, rows, width, bridge.alignment.heads):
            total += 4.0 * bridge.alignment.heads * queries * rows * width
        else:
            total += 4.0 * rows * width**2 + 4.0 * queries * rows * width
    return total


def utilisation(flops: dict[str, float], seconds: float, peak: float) -> dict[str, float]:
    """Shares of the peak: `mfu` of what is computed, `mfu_6n` with the head at all positions, as others count."""
    computed = sum(flops.values()) - flops["head at all positions"]
    return {
        "mfu": round(computed / seconds / peak, 4), "mfu_6n": round(sum(flops.values()) / seconds / peak, 4),
        "seconds_per_step": round(seconds, 4), "dense_peak_tflops": round(peak / 1e12, 1),
        **{f"tflop {what}": round(count / 1e12, 2) for what, count in flops.items()},
    }  # fmt: skip


def dense_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of large square products, the fastest of three rounds."""
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=dtype) for _ in range(2))
    fastest = float("inf")
    for _ in range(3):
        left @ right
        synchronise(device)
        started = time.perf_counter()
        for _ in range(PEAK_PRODUCTS):
            left @ right
        synchronise(device)
        fastest = min(fastest, time.perf_counter() - started)
    return 2 * PEAK_SIZE**3 * PEAK_PRODUCTS / fastest


def example_lengths(batch: Batch) -> list[int]:
    """Tokens of each example of a packed sequence."""
    starts = (batch.position_ids[0] == 0).nonzero().flatten().tolist()
    return [end - start for start, end in zip(starts, [*starts[1:], batch.input_ids.numel()], strict=True)]


def head_dim(config: object) -> int:
    """Channels of one attention head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def parameters_of(model: nn.Module) -> int:
    """All of them, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())


def synchronise(device: torch.device) -> None:
    """Wait for everything that was asked of the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()
