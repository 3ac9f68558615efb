"""Which of torch's kernels for `scaled_dot_product_attention` may be used."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def no_cudnn_attention() -> Iterator[None]:
    """Do without cuDNN's attention for the duration of the block; flash attention takes its place.

    On NVIDIA's Hopper it is torch's first choice, but it plans anew for every shape, for some 25 ms on the CPU. Packed
    examples, batches of questions and keys that grow with every generated token have a new shape each time. Encoders
    that run inside the block, as in chat, do without it as well; those of `macaw extract-features`, whose inputs have
    one shape, run outside of it.
    """
    before = torch.backends.cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)
