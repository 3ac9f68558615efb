"""The one training loop of all three checkpoints: AdamW, warm-up and cosine, a line of loss now and then."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from macaw_cli.basics.console import say

REPORT_EVERY = 100


def fit(model: nn.Module, loss_of: Callable[[int], Tensor], *, steps: int, learning_rate: float, name: str) -> None:
    """Train `model` for `steps` steps.

    Args:
        model: what is trained; ends in evaluation mode.
        loss_of: step number -> scalar loss with gradient.
        steps: number of optimizer steps.
        learning_rate: its peak, reached after a tenth of the steps; zero at the end.
        name: shown in the progress lines.
    """
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))
    warmup = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / steps))))
    model.train()
    started = time.monotonic()
    for step in range(steps):
        loss = loss_of(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % REPORT_EVERY == 0 or step == steps - 1:
            say(f"{name}: step {step + 1}/{steps}, loss {loss.item():.4f}, {time.monotonic() - started:.0f} s")
    model.eval()
