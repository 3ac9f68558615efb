"""Time on a device that works on while the CPU goes on."""

import gc
import statistics
import time
from collections.abc import Callable

import torch
from results import ON_GPU


def now() -> float:
    """Seconds, when everything that was asked of the device is done."""
    if ON_GPU:
        torch.cuda.synchronize()
    return time.perf_counter()


def milliseconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Median of several runs, after two that warm up."""
    repeats, warm_up = (repeats, 2) if ON_GPU else (1, 0)
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        began = now()
        work()
        times.append(now() - began)
    return round(statistics.median(times) * 1000, 3)


def release() -> None:
    """Give back what is no longer used, and look for the fullest moment from now on."""
    gc.collect()
    if ON_GPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float | None:
    """Most memory since `release`; None on a CPU."""
    return round(torch.cuda.max_memory_allocated() / 2**30, 2) if ON_GPU else None
