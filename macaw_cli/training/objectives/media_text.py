"""`media-text`: BLIP-2's first stage, in which `q-former` bridges learn what of a medium is said in words.

The three losses, see `macaw_cli/model/pretraining/`, are taken over the pairs of each packed sequence. What is logged
as `loss` is their sum per pair.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from macaw_cli.config.stages import template_of
from macaw_cli.model.pretraining.blip2 import Losses
from macaw_cli.model.pretraining.bridge_pretraining import BridgePretraining, PairLosses, compared_modalities
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.pairs import PairReader
from macaw_cli.training.data.reader import Reader, StepBatch
from macaw_cli.training.data.tokenised import Tokens
from macaw_cli.training.objectives.objective import Objective
from macaw_cli.training.reporting.mfu import WorkCounter
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.figures import StepFigures
from macaw_cli.training.steps.validation import HeldOutLoss
from macaw_cli.training.tuning.model_setup import DTYPES


class MediaText(Objective):
    """The bridges with their text half, which goes on to the next stage where that has this objective as well."""

    def module(self, model: Any, before: Any, seed: int) -> Any:
        """The model's bridges, with what the losses need."""
        if isinstance(before, BridgePretraining):
            return before
        torch.manual_seed(seed)
        return BridgePretraining(model, self._marks()[1])

    def figures(self, state: Mapping[str, Any]) -> StepFigures:
        """The three losses."""
        return _ThreeLosses(state)

    def reader(self, device: torch.device, figures: StepFigures | None = None) -> Reader:
        """Pairs of media and texts."""
        return self._pairs(self.inputs.rows, self.inputs.tokens, device)

    def work(self, module: Any, ranks: int, *, told: bool) -> WorkCounter | None:
        """Not counted."""
        return None

    def validation(self, engine: TrainingEngine, batch_size: int) -> Callable[[], dict[str, Any] | None]:
        """The loss alone."""
        encoder = self.inputs.encoders[template_of(self.settings)]
        held_out = HeldOutLoss(
            self.inputs, engine, encoder, lambda rows, tokens: self._pairs(rows, tokens, engine.device)
        )

        def measured() -> dict[str, Any] | None:
            engine.train(False)
            try:
                loss = held_out()
            finally:
                engine.train()
            return None if loss is None else {"loss": loss}

        return measured

    def _pairs(self, rows: Sequence[ConversationRow], tokens: Tokens, device: torch.device) -> Reader:
        config = self.inputs.config
        return PairReader(
            self.inputs.dataset, rows, tokens, DTYPES[self.settings.precision], first_id=self._marks()[0],
            channels={name: config.feature_shapes[name][-1] for name in compared_modalities(config)}, device=device,
        )  # fmt: skip

    def _marks(self) -> tuple[int, int]:
        """The ids that begin a text to be read and one to be generated: special ones of the LLM's tokenizer.

        The same where it has a single one; the mask still tells the two tasks apart.
        """
        tokenizer = self.inputs.tokenizer
        special = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id)
        known = [identity for identity in special if identity is not None] or [0]
        found = [identity for identity in dict.fromkeys(known) if identity < self.inputs.config.vocabulary_size]
        return found[0], found[-1 if len(found) < 2 else 1]


class _ThreeLosses:
    """Tells the losses one by one.

    Args:
        state: of the weights of other stages' losses, which checkpoints go on to keep.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = dict(state)

    def tokens(self, batch: StepBatch, device: torch.device) -> PairLosses:
        return PairLosses()

    def sums(self, tokens: PairLosses, batch: StepBatch) -> torch.Tensor:
        assert tokens.losses is not None
        return tokens.losses.double()

    def update(self, sums: Sequence[Sequence[float]], targets: int) -> dict[str, float]:
        columns = zip(*sums, strict=True)
        return {name: math.fsum(column) / targets for name, column in zip(Losses._fields, columns, strict=True)}

    def row(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Any]:
        return self._state
