"""How good the model is while it trains: loss on held-out conversations, and whether it really looks and listens.

Every rank takes part with the same number of forward passes, so that ZeRO-3 never waits for a rank that has none.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.evaluation.evaluate import quick_reliance
from macaw_cli.evaluation.questions.held_out import first_per_kind
from macaw_cli.model.packing.packing_support import packing_support_of_config
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.epoch_plan import pack_best_fit
from macaw_cli.training.data.reader import Reader
from macaw_cli.training.data.tokenised import Tokens, example_rows
from macaw_cli.training.data.tokenising import encode_rows
from macaw_cli.training.steps.device_failures import device_failures_are_told
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.context_length_check import require_readable_lengths
from macaw_cli.training.tuning.model_setup import DTYPES

SMALLER_BATCHES = "Lower evaluation.batch_size. Training itself fits."
"""What to change where the questions need too much memory."""


MakeReader = Callable[[Sequence[ConversationRow], Tokens], Reader]
"""Of conversations and their tokens, what reads them."""


class HeldOutLoss:
    """The mean loss over the targets of some held-out conversations.

    Args:
        inputs: dataset and LLM.
        engine: the model in training.
        encoder: of the template in which the conversations are read.
        make_reader: for what the stage learns.
    """

    def __init__(
        self, inputs: TrainingInputs, engine: TrainingEngine, encoder: ConversationEncoder, make_reader: MakeReader
    ) -> None:
        self._engine = engine
        rows = first_per_kind(inputs.dataset.conversations("val"), engine.settings.evaluate_examples)
        tokens = encode_rows(inputs.dataset, rows, encoder)
        if len(tokens):
            require_readable_lengths(inputs.config.text_config, tokens.lengths, "held-out conversation")
        self.rows = example_rows(rows, tokens)
        self._reader = make_reader(self.rows, tokens)
        apart = packing_support_of_config(inputs.config.text_config).packing
        budget = engine.settings.sequence_length if apart else 1  # held out ones may be shorter than all that train
        self._sequences = pack_best_fit(range(len(tokens)), tokens.lengths.tolist(), budget)

    @torch.no_grad()
    def __call__(self) -> float | None:
        """The loss; None where there is nothing to learn. The model is to be in evaluation mode."""
        sums = torch.zeros(2, dtype=torch.float64, device=self._engine.device)
        count = self._engine.processes.count
        padded = [*self._sequences, *[()] * (-len(self._sequences) % count)]  # so that all ranks run equally often
        for number in range(distributed.rank(), len(padded), count):
            batch = self._reader.read(padded[number])
            torch.manual_seed(number)  # an objective may draw numbers: the same in every validation
            sums[0] += self._engine.forward(batch, 1).double()
            sums[1] += batch.targets
        if count > 1:
            torch.distributed.all_reduce(sums)
        return float(sums[0] / sums[1]) if sums[1] else None


class Validation:
    """The held-out conversations that are looked at during a stage that learns answers.

    Args:
        inputs: dataset and encoder.
        engine: the model in training.
        batch_size: sequences per forward pass when questions are asked.
    """

    def __init__(self, inputs: TrainingInputs, engine: TrainingEngine, *, batch_size: int) -> None:
        self._inputs, self._engine, self._batch_size = inputs, engine, batch_size
        self._limit = engine.settings.evaluate_examples
        dtype = DTYPES[engine.settings.precision]

        def reader(rows: Sequence[ConversationRow], tokens: Tokens) -> Reader:
            return SequenceReader(inputs.dataset, rows, tokens, dtype, engine.device, inputs.config)

        self._loss = HeldOutLoss(inputs, engine, inputs.encoder, reader)

    def __call__(self) -> dict[str, Any] | None:
        """`loss` over all response tokens, and the figures of `macaw evaluate`; None when nothing is held out."""
        if not self._loss.rows:
            return None
        self._engine.train(False)
        try:
            loss = self._loss()
            loss = math.nan if loss is None else loss
            model, encoder = self._engine.model, self._inputs.encoder
            with device_failures_are_told(SMALLER_BATCHES, "validation"):
                reliance = quick_reliance(
                    model, encoder, self._inputs.dataset, limit=self._limit, batch_size=self._batch_size
                )
        finally:
            self._engine.train()
        return {"loss": loss, **reliance}
