"""How long the gradient of each group of parameters is, from the parts that the ranks hold.

Under ZeRO every rank has the summed gradient of its own partition only. Each rank sums the squares of what it holds,
and the few sums are added over the ranks: nothing is gathered. DeepSpeed keeps the parts under other names in each
stage; this is the file that knows them (DeepSpeed is pinned to one version, and a test compares with the plain
computation).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from macaw_cli.training.tuning.parameter_groups import group_of


class GradientNorms:
    """Gradient norms per group.

    Args:
        engine: a DeepSpeed engine.
        groups: the optimizer's groups as they were given to it: `name` and `params`.
        stage: ZeRO stage.
        offload: whether the optimizer state is in CPU memory.
        device: where the sums are added up.
    """

    def __init__(
        self, engine: Any, groups: Sequence[dict[str, Any]], *, stage: int, offload: bool, device: torch.device
    ) -> None:
        self._engine, self._stage, self._offload, self._device = engine, stage, offload, device
        self._groups = [(group_of(group["name"]), list(group["params"])) for group in groups]
        self.names = tuple(dict.fromkeys(name for name, _ in self._groups))

    def measure(self) -> dict[str, float]:
        """Norm per group of the gradient of a whole step, before clipping; every rank must call it and gets the same.

        To be asked between the last backward pass of a step and the update. A non-finite norm is returned as it is.
        """
        squares = dict.fromkeys(self.names, torch.zeros((), dtype=torch.float64, device=self._device))
        for name, norms in self._local_norms():
            if norms:
                together = torch.stack([norm.to(self._device, torch.float64) for norm in norms])
                squares[name] = squares[name] + together.square().sum()
        sums = torch.stack(list(squares.values()))
        if self._stage and torch.distributed.get_world_size() > 1:
            torch.distributed.all_reduce(sums)
        return dict(zip(self.names, (sums.sqrt() / loss_scale(self._engine)).tolist(), strict=True))

    def _local_norms(self) -> Iterator[tuple[str, list[torch.Tensor]]]:
        """Group names, and norms of the pieces that this rank holds."""
        optimizer = self._engine.optimizer
        if self._stage == 0:
            for name, parameters in self._groups:
                yield name, _norms(parameter.grad for parameter in parameters)
        elif self._offload:
            # DeepSpeed has measured each piece on its way to the CPU
            pieces = optimizer.params_in_partition if self._stage < 3 else optimizer.fp16_groups
            for number, parameters in enumerate(pieces):
                known = (optimizer.norm_for_param_grads.get(optimizer.get_param_id(one)) for one in parameters)
                yield self._name(number), [torch.as_tensor(norm) for norm in known if norm is not None]
        else:
            for number, gradients in optimizer.averaged_gradients.items():
                yield self._name(number), _norms(gradients or ())

    def _name(self, number: int) -> str:
        """Group of the optimizer's piece `number`: stage 3 splits groups into smaller ones."""
        if self._stage == 3:
            number = self._engine.optimizer.sub_group_to_group_id[number]
        return self._groups[number][0]


def _norms(gradients: Iterable[torch.Tensor | None]) -> list[torch.Tensor]:
    """One norm each, summed in fp32 also where the gradient has 16 bits."""
    return [torch.linalg.vector_norm(one, dtype=torch.float32) for one in gradients if one is not None]


def loss_scale(engine: Any) -> float:
    """What fp16 losses are multiplied by, so that small gradients do not vanish; 1 in other number formats."""
    return float(getattr(engine.optimizer, "loss_scale", 1.0))


def forbid_exit_at_lowest_scale(engine: Any) -> None:
    """Have DeepSpeed skip a step also when fp16's loss scale cannot become lower: too many of them are told by us.

    It would leave with a bare `Exception`. A loaded checkpoint brings a scaler of its own, so this comes before each
    update.
    """
    scaler = getattr(engine.optimizer, "loss_scaler", None)
    if scaler is not None:
        scaler.raise_error_at_min_scale = False
