"""What every objective of `training.objective` decides: what is trained, on what, and how good it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.data.reader import Reader
from macaw_cli.training.reporting.mfu import WorkCounter
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.figures import StepFigures
from macaw_cli.training.training_inputs import TrainingInputs


class Objective(ABC):
    """The objective of one stage.

    Args:
        inputs: what the training reads.
        settings: of the stage.
    """

    def __init__(self, inputs: TrainingInputs, settings: TrainingSettings) -> None:
        self.inputs, self.settings = inputs, settings

    @abstractmethod
    def module(self, model: Any, before: Any, seed: int) -> Any:
        """What the engine trains: it has `trainable_groups`, and its forward takes what a batch of the reader gives.

        Args:
            model: a MacawForConditionalGeneration, which later stages go on with.
            before: what the stage before this one has trained; None in the first one, and where a run is resumed.
            seed: of what is new in it, so that it is the same on every rank.
        """

    @abstractmethod
    def figures(self, state: Mapping[str, Any]) -> StepFigures | None:
        """What goes along with the losses of a step.

        Args:
            state: what a checkpoint, or the stage before, kept of them.
        """

    @abstractmethod
    def reader(self, device: torch.device, figures: StepFigures | None = None) -> Reader:
        """What reads the packed sequences.

        Args:
            device: where they are needed.
            figures: of this objective.
        """

    @abstractmethod
    def work(self, module: Any, ranks: int, *, told: bool) -> WorkCounter | None:
        """What counts the operations of a step; None where they are not counted.

        Args:
            module: what is trained.
            ranks: how many processes.
            told: whether their rate is shown.
        """

    @abstractmethod
    def validation(self, engine: TrainingEngine, batch_size: int) -> Callable[[], dict[str, Any] | None]:
        """What measures `loss` on held-out conversations, and more; it returns None where there are none.

        Args:
            engine: what is trained.
            batch_size: sequences per forward pass when questions are asked.
        """
