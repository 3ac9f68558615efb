"""What the machine is, and the most that it reaches: copies, matrix products, launches, waits."""

import importlib.metadata as metadata
import os
import sys
import time
import zlib
from collections.abc import Callable

import numpy as np
import torch
from results import ON_GPU, Part

from macaw_cli.model.bridges.macaw import sinusoid
from macaw_cli.model.packing.attention_kernels import _varlen_is_there
from macaw_cli.training.reporting.mfu import peak_of

PACKAGES = ("torch", "triton", "transformers", "peft", "deepspeed", "numpy", "safetensors", "pydantic", "av")
LAUNCHES, WAITS = 2000, 500


def main() -> None:
    """Measure, cheapest first."""
    part = Part("ceilings")
    part.put("versions", {name: version(name) for name in PACKAGES} | {"python": sys.version.split()[0]})
    part.put("cores", len(os.sched_getaffinity(0)))
    part.put("torch has the packed kernel", _varlen_is_there())
    for name, work in (("crc32_gb_per_s", crc32), ("sinusoid_ms", sinusoid_ms)):
        part.put(name, work())
    if ON_GPU:
        gpu(part)


def gpu(part: Part) -> None:
    """Figures of the first GPU."""
    device = torch.device("cuda")
    properties = torch.cuda.get_device_properties(0)
    part.put("gpu", {
        "name": properties.name, "gib": round(properties.total_memory / 2**30, 1), "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(), "count": torch.cuda.device_count(), "peak_of": peak_of(device),
    })  # fmt: skip
    source = torch.randint(0, 255, (2**31,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    part.put("copy_tb_per_s", round(2 * source.numel() / seconds(lambda: target.copy_(source)) / 1e12, 3))
    pinned = torch.empty(2**28, dtype=torch.uint8, pin_memory=True)
    to_gpu = seconds(lambda: target[: 2**28].copy_(pinned, non_blocking=True))
    part.put("pinned_to_gpu_gb_per_s", round(pinned.numel() / to_gpu / 1e9, 1))
    for dtype, size in ((torch.bfloat16, 8192), (torch.float16, 8192), (torch.float32, 4096)):
        part.put(f"matmul_tflops_{str(dtype)[6:]}", tflops((size, size, size), dtype))
    torch.backends.cuda.matmul.allow_tf32 = True
    part.put("matmul_tflops_tf32", tflops((4096, 4096, 4096), torch.float32))
    part.put("matmul_tflops_of_a_1b_layer", tflops((4096, 2048, 5632), torch.bfloat16))
    small = torch.zeros(1, device=device)
    began = time.perf_counter()
    for _ in range(LAUNCHES):
        small.add_(1)
    part.put("us_per_launch", round((time.perf_counter() - began) / LAUNCHES * 1e6, 2))
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(WAITS):
        small.item()
    part.put("us_per_wait", round((time.perf_counter() - began) / WAITS * 1e6, 2))


def tflops(sizes: tuple[int, int, int], dtype: torch.dtype) -> float:
    """Rate of one dense product (m, k) x (k, n)."""
    m, k, n = sizes
    left, right = torch.randn(m, k, device="cuda").to(dtype), torch.randn(k, n, device="cuda").to(dtype)
    return round(2 * m * k * n / seconds(lambda: left @ right) / 1e12, 1)


def seconds(work: Callable[[], object], repeats: int = 20) -> float:
    """Of one run on the GPU."""
    for _ in range(3):
        work()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000 / repeats


def crc32() -> float:
    """Checksums of features, as the reader threads make them."""
    blob = np.random.default_rng(0).integers(0, 255, 64 << 20, dtype=np.uint8)
    began = time.perf_counter()
    zlib.crc32(blob.data)
    return round(len(blob) / (time.perf_counter() - began) / 1e9, 2)


def sinusoid_ms() -> float:
    """The position code of a video, made on the CPU."""
    began = time.perf_counter()
    sinusoid(1176, 512)
    return round((time.perf_counter() - began) * 1000, 2)


def version(name: str) -> str:
    """Of an installed package, or a dash."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"


if __name__ == "__main__":
    main()
