"""An AdamW update as training makes it: in fp32, with fp32 copies of weights that are held in fewer bits."""

import torch
from torch import nn


class Update:
    """The optimizer of all parameters that require a gradient; its state is made at once.

    Args:
        model: its gradients are those of `step`.
    """

    def __init__(self, model: nn.Module) -> None:
        self._trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._masters = [
            parameter if parameter.dtype == torch.float32 else parameter.detach().float() for parameter in self._trained
        ]
        self._optimizer = torch.optim.AdamW(self._masters, lr=1e-5, fused=True)
        for master in self._masters:
            master.grad = torch.zeros_like(master)
        self._optimizer.step()
        self._drop_gradients()

    @torch.no_grad()
    def step(self) -> None:
        """Clip, update, and drop the gradients."""
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        pairs = [
            (parameter, master) for parameter, master in zip(self._trained, self._masters, strict=True)
            if master is not parameter and parameter.grad is not None
        ]  # fmt: skip
        for parameter, master in pairs:
            master.grad = parameter.grad.float()
            parameter.grad = None
        self._optimizer.step()
        for parameter, master in pairs:
            parameter.copy_(master)
        self._drop_gradients()

    def _drop_gradients(self) -> None:
        for parameter in (*self._trained, *self._masters):
            parameter.grad = None
