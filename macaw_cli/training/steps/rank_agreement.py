"""What all ranks must see alike before anything is decided on it: else one leaves while the others wait for it.

Every rank must call these, in the same order.
"""

import torch

from macaw_cli.training.steps.stop_signals import StopRequest


def stop_is_agreed(stop: StopRequest, device: torch.device) -> bool:
    """Whether any rank was asked to stop by now; if so, all of them adopt the same signal.

    Args:
        stop: what this rank knows.
        device: where tensors for messages are made.
    """
    signal = torch.tensor(int(stop.received or 0), device=device)
    torch.distributed.all_reduce(signal, torch.distributed.ReduceOp.MAX)
    if signal.item():
        stop.adopt(int(signal.item()))
    return bool(signal.item())


def of_first_rank(number: int | None, device: torch.device) -> int | None:
    """The number that the first rank has, at least 0 or None.

    Args:
        number: this rank's; only the first one's counts.
        device: where tensors for messages are made.
    """
    message = torch.tensor(-1 if number is None else number, device=device)
    torch.distributed.broadcast(message, 0)
    found = int(message.item())
    return None if found < 0 else found
