"""`answers`: the LLM says what the conversations' assistants say, after what the bridges tell it of their media."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.reader import Reader
from macaw_cli.training.objectives.objective import Objective
from macaw_cli.training.reporting.mfu import WorkCounter, work_counter
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.figures import StepFigures
from macaw_cli.training.steps.validation import Validation
from macaw_cli.training.tuning.model_setup import DTYPES
from macaw_cli.training.weighting.step_weights import StepWeights, step_weights


class Answers(Objective):
    """The whole model, its loss per response token, and `macaw evaluate`."""

    def module(self, model: Any, before: Any, seed: int) -> Any:
        """The model itself."""
        return model

    def figures(self, state: Mapping[str, Any]) -> StepWeights | None:
        """The weights of the losses, where there are any."""
        return step_weights(self.settings.loss_weights, self.inputs.rows, state)

    def reader(self, device: torch.device, figures: StepFigures | None = None) -> Reader:
        """Rows of tokens with their media."""
        inputs, groups = self.inputs, figures.of_examples if isinstance(figures, StepWeights) else None
        dtype = DTYPES[self.settings.precision]
        return SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, dtype, device, inputs.config, groups)

    def work(self, module: Any, ranks: int, *, told: bool) -> WorkCounter | None:
        """Operations of the LLM, and of bridges and injections that do much."""
        rows = self.inputs.rows if told else ()
        return work_counter(module, self.inputs.tokens.lengths.tolist(), ranks, rows)

    def validation(self, engine: TrainingEngine, batch_size: int) -> Callable[[], dict[str, Any] | None]:
        """The loss, and whether the model uses its media."""
        return Validation(self.inputs, engine, batch_size=batch_size)
