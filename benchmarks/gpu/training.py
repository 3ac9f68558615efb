"""Forward and backward passes over packed sequences of the paper's mix: ways of attending, waits, kernels, decoding.

The models are those of `training_variants.py`, the work of a pass is counted by `training_counting.py`.
"""

import argparse
import statistics
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import torch
import training_variants
from results import ON_GPU, OUT, Part
from timing import now, peak_gib, release
from training_counting import flops_of_training, parameters_of
from training_variants import Variant, Variants

from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.compilation import compile_layers
from macaw_cli.model.packing import attention_kernels
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.training.reporting.mfu import peak_of

SIZE = {"sequence_length": 4096, "examples": 144} if ON_GPU else {"sequence_length": 256, "examples": 3}
REPEATS, DECODED = (3, 96) if ON_GPU else (1, 3)
PROMPT = list(range(10, 110 if ON_GPU else 20))
KINDS = {"matrix products": ("gemm", "nvjet", "cutlass", "xmma"), "attention": ("flash", "fmha", "cudnn"),
         "copies": ("memcpy", "memset", "copy_kernel")}  # fmt: skip
"""Kinds of kernels by what is in their names; all others are elementwise."""


def main() -> None:
    """One stage of `run.sh`."""
    options = read_options()
    if not ON_GPU:
        training_variants.VOCABULARY = 1000  # a smoke test, no measurement
    torch.manual_seed(0)
    part = Part("training" + "-lora" * options.lora + "-compiled" * options.compile)
    varied = Variants(argparse.Namespace(
        device="cuda" if ON_GPU else "cpu", llm=options.llm, lora=options.lora, rows=4, dropout=0.1 * ON_GPU, **SIZE
    ))  # fmt: skip
    trained = sum(weight.numel() for weight in varied.llm.parameters() if weight.requires_grad)
    part.put("llm", {"name": options.llm, "parameters": parameters_of(varied.llm), "trained": trained})
    for name, (make, context) in ways(varied, options).items():
        with part.trying(name), context():
            part.put(name, timed(make()))
        release()
    if options.compile or options.lora:
        return
    for name, work in (("waits", waits), ("kernels of a pass", profiled), ("decoding", decoding)):
        with part.trying(name), no_cudnn_attention():
            part.put(name, work(varied))
        release()


def read_options() -> argparse.Namespace:
    """What to train, and in how many ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llm", default="1b" if ON_GPU else "tiny")
    parser.add_argument("--lora", action="store_true", help="freeze the LLM, with adapters of rank 16")
    parser.add_argument("--compile", action="store_true", help="compiled layers alone")
    return parser.parse_args()


def ways(varied: Variants, options: argparse.Namespace) -> dict[str, tuple[Callable[[], Variant], Callable]]:
    """Variants by name, each with what is switched while it runs; `macaw` is how `macaw train` does it."""
    if options.compile:
        return {"macaw": (lambda: compiled(varied), no_cudnn_attention)}
    found = {"macaw": (varied.macaw, no_cudnn_attention)}
    if options.lora or not ON_GPU:
        return found
    return found | {
        "one call per example": (varied.macaw, by_example),
        "with cudnn attention": (varied.macaw, nullcontext),
        "linear, as many soft tokens": (varied.linear_alike, no_cudnn_attention),
        "without packing": (varied.without_packing, no_cudnn_attention),
        "published": (varied.published, no_cudnn_attention),
        "all logits": (varied.with_all_logits, no_cudnn_attention),
    }


def compiled(varied: Variants) -> Variant:
    """With `training.compile`."""
    variant = varied.macaw()
    compile_layers(variant.model)
    return variant


@contextmanager
def by_example() -> Iterator[None]:
    """Without the packed kernel, as on a torch that lacks it."""
    with no_cudnn_attention(), patch.object(attention_kernels, "_varlen_is_there", lambda: False):
        yield


def timed(variant: Variant) -> dict[str, object]:
    """Seconds of a pass, the first time and later; memory; utilisation."""
    first = run(variant)
    release()
    seconds = statistics.median(run(variant) for _ in range(REPEATS))
    passes = len(variant.losses)
    found: dict[str, object] = {
        "passes": passes, "tokens": variant.tokens, "first_s": round(first / passes, 4),
        "s_per_pass": round(seconds / passes, 5), "tokens_per_s": round(variant.tokens / seconds),
        "examples_per_s": round(variant.examples / seconds, 2), "peak_gib": peak_gib(),
    }  # fmt: skip
    peak = peak_of(torch.device("cuda")) if ON_GPU else None
    attends = all(hasattr(bridge, "alignment") for bridge in getattr(variant.model, "bridges", {}).values())
    if variant.batches and attends and peak:
        flops = flops_of_training(variant.model, variant.batches)
        computed = sum(flops.values()) - flops["head at all positions"]
        found |= {"tflop_per_pass": round(computed / passes / 1e12, 2), "mfu": round(computed / seconds / peak, 4)}
    return found


def run(variant: Variant) -> float:
    """Seconds of all passes; nothing waits between forward and backward."""
    variant.model.zero_grad(set_to_none=True)
    began = now()
    for loss in variant.losses:
        loss().backward()
    return now() - began


def waits(varied: Variants) -> dict[str, object]:
    """Where the CPU waits for the GPU during one pass, as torch itself warns of."""
    variant = varied.macaw()
    variant.losses[0]().backward()
    if not ON_GPU:
        return {"all": None}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            variant.losses[1]().backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waited = [one for one in told if "synchroniz" in str(one.message)]
    lines = [f"{one.filename.rpartition('site-packages')[2]}:{one.lineno}" for one in waited]
    return {"all": len(lines), "by line": {line: lines.count(line) for line in sorted(set(lines))}}


def profiled(varied: Variants) -> dict[str, object]:
    """Kernels of one pass by kind, and how long the GPU had nothing; the table goes to `profile.txt`."""
    from torch.profiler import ProfilerActivity, profile

    variant = varied.macaw()
    for loss in variant.losses[:2]:
        loss().backward()
    began = now()
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * ON_GPU]) as found:
        variant.losses[-1]().backward()
        wall = now() - began
    order = "self_cuda_time_total" if ON_GPU else "self_cpu_time_total"
    (OUT / "profile.txt").write_text(found.key_averages().table(sort_by=order, row_limit=45, max_name_column_width=90))
    kernels = [event for event in found.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    spent: dict[str, float] = {}
    for event in kernels:
        name = event.name.lower()
        kind = next((kind for kind, words in KINDS.items() if any(word in name for word in words)), "elementwise")
        spent[kind] = round(spent.get(kind, 0.0) + event.time_range.elapsed_us() / 1000, 2)
    return {"kernels": len(kernels), "wall_ms": round(wall * 1000, 1), "gpu_ms": spent}


class Silent:
    """A tokenizer for tokens that nobody reads."""

    def decode(self, tokens: list[int], **_: object) -> str:
        """No text."""
        return ""


def decoding(varied: Variants) -> dict[str, float]:
    """Tokens per second of chat, with flash attention and with cuDNN's, which plans for every length."""
    model = varied.macaw().model.eval()
    request = GenerationRequest(prompt=PROMPT, max_new_tokens=DECODED, sampling=GREEDY)
    found = {}
    for name, enabled in (("without cudnn attention", False), ("with cudnn attention", True)):
        torch.backends.cuda.enable_cudnn_sdp(enabled)
        for attempt in ("first", "again"):
            began = now()
            made = len(list(Engine(model, Silent(), frozenset()).generate([request]))) - 1  # the last event is the end
            found[f"{name}, {attempt}, tokens/s"] = round(made / (now() - began), 1)
    return found


if __name__ == "__main__":
    main()
