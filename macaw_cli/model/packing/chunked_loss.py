"""The summed loss straight from hidden states: the logits of all supervised positions never exist at once.

The gradient of a cross-entropy is `softmax - one_hot`, known as soon as the logits are. So each chunk of positions
makes its logits, its loss and its share of both gradients in the forward pass and is forgotten; the backward pass only
multiplies. Logits are made in the model's number format, everything after them in fp32.

Source: Liger Kernel (arXiv 2410.10989), `FusedLinearCrossEntropy`.

Letters: n supervised positions, D hidden size, V vocabulary.
"""

from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from macaw_cli.model.packing.token_weights import TokenWeights
from macaw_cli.model.partitions import used_in

CHUNK_NUMBERS = {"cpu": 2**24, "cuda": 2**26}
"""Logits per chunk, by kind of device. In fp32 they are 64 MiB on a CPU and 256 MiB on a GPU, which either can spare;
fewer would make the two matrix products with the head too thin: it is read whole for each chunk, which is free only
with some hundred positions on a CPU (524 at V=32,007), and some thousand on a GPU."""
FEWEST_POSITIONS = 256
"""A chunk's least number of positions, for vocabularies so large that `CHUNK_NUMBERS` would give thinner chunks."""


class SupervisedLoss(nn.Module):
    """-log p of the right tokens, summed: a module, because under ZeRO-3 only a module's forward has whole weights.

    It is run exactly once per forward pass on every rank, supervised tokens or none, so the head is gathered as often
    everywhere.
    """

    def forward(
        self, hidden: Tensor, head: nn.Linear, targets: Tensor, tokens: TokenWeights | None = None
    ) -> Tensor:
        """Sum over all positions, a scalar in fp32.

        Args:
            hidden: (n, D), n may be 0.
            head: (V, D) weights, with or without biases.
            targets: (n,) ids.
            tokens: weights of the positions, whose figures are filled in; None where all count the same.
        """
        hidden = hidden.to(head.weight.dtype)
        fused = liger_loss() if hidden.is_cuda and len(hidden) and tokens is None else None
        # Liger makes no gradient of the head where the hidden states need none
        if fused is not None and (hidden.requires_grad or not head.weight.requires_grad):
            options = {"bias": head.bias, "reduction": "sum", "accum_dtype": torch.float32}
            summed: Tensor = fused(hidden, head.weight, targets, **options)
            return summed.float()
        learns = torch.is_grad_enabled()  # inside an autograd function it is always off
        given = (hidden, head.weight, head.bias, targets, learns, tokens)
        total: Tensor = _ChunkedLoss.apply(*given)  # type: ignore[no-untyped-call]
        return total

    def may_use(self, head: nn.Linear) -> None:
        """Have ZeRO-3 gather the head's weights for `forward`; nothing to do elsewhere."""
        for parameter in head.parameters():
            used_in(self, parameter)


@cache
def liger_loss() -> Any:
    """Liger's fused kernel for the same sum; None where the package is absent, or too old to add up in fp32."""
    try:
        functional = import_module("liger_kernel.transformers.functional")
    except ImportError:
        return None
    function = functional.liger_fused_linear_cross_entropy
    return function if "accum_dtype" in signature(function).parameters else None


def chunk_positions(vocabulary: int, device: str = "cpu") -> int:
    """Positions per chunk for this vocabulary on this kind of device; one that is not listed counts as a CPU."""
    return max(CHUNK_NUMBERS.get(device, CHUNK_NUMBERS["cpu"]) // vocabulary, FEWEST_POSITIONS)


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, learns: bool,
        tokens: TokenWeights | None,
    ) -> Tensor:  # fmt: skip
        if tokens is not None:
            tokens.prepare()
        needed = [learns and need for need in ctx.needs_input_grad[:3]]
        like = (hidden, weight, bias)
        # sums over many positions: half precision would lose the small ones
        gradients = [
            torch.zeros_like(one, dtype=torch.float32) if one is not None and need else None
            for one, need in zip(like, needed, strict=True)
        ]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        step = chunk_positions(len(weight), hidden.device.type)
        for start in range(0, len(hidden), step):
            rows = slice(start, start + step)
            total += _add_chunk(rows, hidden, weight, bias, targets, gradients, tokens)
        ctx.gradients, ctx.dtypes = gradients, [None if one is None else one.dtype for one in like]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # as large as the head; multiplied in place, so usable once
        scaled = (
            None if gradient is None else gradient.mul_(factor).to(dtype)
            for gradient, dtype in zip(gradients, ctx.dtypes, strict=True)
        )
        return *scaled, None, None, None


def _add_chunk(
    rows: slice, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor,
    gradients: list[Tensor | None], tokens: TokenWeights | None,
) -> Tensor:  # fmt: skip
    """One chunk's loss; its share of the gradients is added to `gradients` of hidden states, weight and bias."""
    part, right = hidden[rows], targets[rows, None]
    logits = F.linear(part, weight, bias).float()
    normaliser = logits.logsumexp(dim=-1, keepdim=True)
    losses = normaliser - logits.gather(1, right)
    loss = losses.sum() if tokens is None else losses.squeeze(1) @ tokens.weights[rows]
    of_hidden, of_weight, of_bias = gradients
    if of_hidden is None and of_weight is None and of_bias is None and tokens is None:
        return loss
    change = logits.sub_(normaliser).exp_()  # softmax - one_hot, in the memory of the logits
    change.scatter_add_(1, right, change.new_full((1, 1), -1.0).expand(right.shape))
    if tokens is not None:
        tokens.fill(rows, losses.squeeze(1), change)
        change *= tokens.weights[rows, None]
    if of_bias is not None:
        of_bias += change.sum(dim=0)
    change = change.to(weight.dtype)
    if of_hidden is not None:
        of_hidden[rows] = change @ weight
    if of_weight is not None and weight.dtype == torch.float32:
        of_weight.addmm_(change.T, part)
    elif of_weight is not None:
        of_weight += change.T @ part
    return loss
