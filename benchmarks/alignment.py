"""The alignment attention against `torch.nn.MultiheadAttention`, side by side in one run: time and agreement.

    python benchmarks/alignment.py                       # LLaMA-7B size: needs about 8 GB of memory, under 3 minutes
    python benchmarks/alignment.py --rows 4000 --width 512 --gradients

torch's module gets the matrix behind every example, as the published code calls it.
"""

import argparse
import json
import time

import torch
from torch import Tensor, nn

from macaw_cli.model.alignment import AttentionWeights, align, folding_is_cheaper


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    torch.manual_seed(0)
    width, heads = options.width, options.heads
    published = nn.MultiheadAttention(width, heads, add_bias_kv=True, add_zero_attn=True, batch_first=True)
    nn.init.normal_(published.in_proj_bias, std=0.02)
    weights = AttentionWeights(
        published.in_proj_weight, published.in_proj_bias, published.bias_k, published.bias_v
    )
    matrix = torch.randn(options.rows, width).mul_(0.02).requires_grad_(options.gradients)
    queries = torch.randn(options.examples, options.tokens, width, requires_grad=options.gradients)

    def theirs() -> Tensor:
        behind_each = matrix.expand(options.examples, -1, -1)
        return published(queries, behind_each, behind_each, need_weights=False)[0]

    def ours() -> Tensor:
        return published.out_proj(align(queries.flatten(0, 1), matrix, weights, heads)).view_as(queries)

    with torch.set_grad_enabled(options.gradients):
        (ours_s, found), (theirs_s, expected) = timed(ours, options.repeats), timed(theirs, 1)
    report = {
        "rows": options.rows, "width": width, "heads": heads,
        "examples": options.examples, "tokens": options.tokens, "threads": torch.get_num_threads(),
        "form": "folded" if folding_is_cheaper(queries.flatten(0, 1).shape[0], *matrix.shape, heads) else "shared",
        "torch_s": round(theirs_s, 3), "macaw_s": round(ours_s, 3), "times_faster": round(theirs_s / ours_s, 1),
        "relative_difference": relative(found, expected),
    }  # fmt: skip
    if options.gradients:
        parts = [queries, matrix, *published.parameters()]
        direction = torch.randn_like(expected)
        wanted = torch.autograd.grad(expected, parts, direction)
        made = torch.autograd.grad(found, parts, direction)
        report["relative_difference_of_gradients"] = max(map(relative, made, wanted))
    print(json.dumps(report, indent=2))


def timed(work, repeats: int) -> tuple[float, Tensor]:
    """Seconds of the fastest of `repeats` calls, and the last result."""
    best, result = float("inf"), torch.empty(0)
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def relative(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of the expected."""
    return ((found - expected).norm() / expected.norm()).item()


def parse() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=32007, help="V, rows of the embedding matrix")
    parser.add_argument("--width", type=int, default=4096, help="D")
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--examples", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=5, help="queries per example")
    parser.add_argument("--repeats", type=int, default=3, help="runs of our form, of which the fastest counts")
    parser.add_argument("--gradients", action="store_true", help="compare all gradients as well (more memory)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
