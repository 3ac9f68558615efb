"""Where a run stands, as a value that a checkpoint keeps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from macaw_cli.basics.typed_rows import made_of


@dataclass(frozen=True)
class BestValidation:
    """The lowest validation loss so far."""

    loss: float | None = None
    """None before the first validation."""
    step: int = 0
    """After so many steps it was measured."""
    since: int = 0
    """Validations after it, none of which was better."""

    def after(self, step: int, loss: float) -> "BestValidation":
        """What is best with one more validation; a loss that is infinite or NaN is not better than any."""
        if math.isfinite(loss) and (self.loss is None or loss < self.loss):
            return BestValidation(loss, step)
        return replace(self, since=self.since + 1)


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int = 0
    """Optimizer steps done."""
    plan: str = ""
    """Hash of the plan of all its epochs."""
    world_size: int = 1
    meter: dict[str, Any] = field(default_factory=dict)
    """What was counted since the last row of metrics.jsonl."""
    skipped: int = 0
    """Steps that changed nothing, because their loss or gradients were NaN or infinite."""
    loss_weights: dict[str, Any] = field(default_factory=dict)
    """What the weights of the losses were learned to be, see `training.loss_weights`."""
    best: BestValidation = BestValidation()
    """The best validation of the current stage."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Progress":
        """The inverse of `dataclasses.asdict`; what an older macaw did not know has its default."""
        known = {name: value for name, value in content.items() if value is not None}
        return made_of(cls, {**known, "best": made_of(BestValidation, content.get("best") or {})})
