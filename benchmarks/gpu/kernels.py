"""Single pieces of a step: both forms of the alignment, chunks of the loss, attention over one packed sequence."""

from itertools import accumulate

import torch
from results import ON_GPU, Part
from timing import milliseconds, now, peak_gib, release
from torch import nn

from macaw_cli.model import alignment
from macaw_cli.model.packing import attention_kernels, chunked_loss
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.model.packing.attention_kernels import Heads, PackedSequence

DEVICE = torch.device("cuda" if ON_GPU else "cpu")
DTYPE = torch.bfloat16 if ON_GPU else torch.float32
ROWS, WIDTH, HEADS = (32007, 2048, 16) if ON_GPU else (500, 64, 4)
QUERIES = (32, 72, 136, 256, 468, 936) if ON_GPU else (5,)
POSITIONS, CHUNKS = (1200, (2**24, 2**25, 2**26, 2**28)) if ON_GPU else (30, (2**12, 2**13))
LENGTHS = (40, 180, 36) if ON_GPU else (4, 9, 5)
"""Shortest and longest example of a sequence, and how many."""


def main() -> None:
    """Each piece by itself."""
    part = Part("kernels")
    with no_cudnn_attention():
        for count in QUERIES:
            with part.trying(f"alignment of {count} queries"):
                part.put(f"alignment of {count} queries", alignments(count))
            release()
    with part.trying("loss"):
        losses(part)
    release()
    for name in ("by_example", "varlen", "flex"):
        if name == "flex" and not ON_GPU:
            continue
        with part.trying(f"attention {name}"), no_cudnn_attention():
            part.put(f"attention {name}", attention(getattr(attention_kernels, name)))
    if ON_GPU:
        with part.trying("attention by_example with cudnn"):
            part.put("attention by_example with cudnn", attention(attention_kernels.by_example))


def parameters(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    """Random leaves of the size of weights."""
    return [torch.randn(*shape, device=DEVICE).mul_(0.02).to(DTYPE).requires_grad_() for shape in shapes]


def alignments(count: int) -> dict[str, object]:
    """Forward and backward of so many queries in both forms, and which one `align` takes."""
    matrix, *rest = parameters((ROWS, WIDTH), (3 * WIDTH, WIDTH), (3 * WIDTH,), (1, 1, WIDTH), (1, 1, WIDTH))
    weights = alignment.AttentionWeights(*rest)
    queries = torch.randn(count, WIDTH, device=DEVICE).to(DTYPE).requires_grad_()
    unit = torch.tensor(0.02, device=DEVICE, dtype=DTYPE)
    found: dict[str, object] = {
        "chosen": "folded" if alignment.folding_is_cheaper(count, ROWS, WIDTH, HEADS) else "shared"
    }
    for form in (alignment.folded, alignment.shared):
        release()
        found[f"{form.__name__}_ms"] = milliseconds(
            lambda form=form: form(queries, matrix, weights, HEADS, dropout=0.1, unit=unit).sum().backward()
        )
        found[f"{form.__name__}_peak_gib"] = peak_gib()
    return found


def losses(part: Part) -> None:
    """The loss of one sequence in chunks of several sizes."""
    head = nn.Linear(WIDTH, ROWS, bias=False, device=DEVICE, dtype=DTYPE)
    hidden = torch.randn(POSITIONS, WIDTH, device=DEVICE).to(DTYPE).requires_grad_()
    targets = torch.randint(ROWS, (POSITIONS,), device=DEVICE)
    kept = dict(chunked_loss.CHUNK_NUMBERS)
    try:
        for numbers in CHUNKS:
            chunked_loss.CHUNK_NUMBERS[DEVICE.type] = numbers
            taken = milliseconds(lambda: chunked_loss.SupervisedLoss()(hidden, head, targets).backward())
            part.put(f"loss in chunks of 2^{numbers.bit_length() - 1}, ms", taken)
    finally:
        chunked_loss.CHUNK_NUMBERS.update(kept)


def attention(kernel: attention_kernels.Kernel) -> dict[str, float]:
    """One layer's attention over one packed sequence; the first pass compiles, plans or loads."""
    shortest, longest, count = LENGTHS
    lengths = torch.randint(shortest, longest, (count,), generator=torch.Generator().manual_seed(0)).tolist()
    packed = PackedSequence((0, *accumulate(lengths)), None, None, 0.0)
    shapes = [(1, heads, sum(lengths), 64) for heads in (32, 4, 4)]
    heads = Heads(*(torch.randn(*shape, device=DEVICE).to(DTYPE).requires_grad_() for shape in shapes))
    began = now()
    kernel(nn.Identity(), heads, packed).sum().backward()
    first = (now() - began) * 1000
    later = milliseconds(lambda: kernel(nn.Identity(), heads, packed).sum().backward())
    return {"first_ms": round(first, 1), "later_ms": later}


if __name__ == "__main__":
    main()
