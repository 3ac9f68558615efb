"""What the loop does with DeepSpeed: forward, backward, step, save and load, with the loss scaled once and right.

The model returns the sum of -log p over this pack's response tokens, divided by the number of response tokens of
the whole global step. DeepSpeed divides by the accumulation steps and averages over ranks; both are undone here, so
that the gradient is that of the mean over the global step's tokens, however many processes share it.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.batches import Batch
from macaw_cli.training.deepspeed_setup import deepspeed_config, initialize
from macaw_cli.training.parameter_groups import group_of, parameter_groups
from macaw_cli.training.processes import Processes


class TrainingEngine:
    """A model under DeepSpeed.

    Args:
        model: a MacawForConditionalGeneration whose frozen parameters do not require a gradient.
        settings: the run's training settings.
        processes: how many processes train, on what.
        trained_before: groups that earlier stages of the run have trained.
    """

    def __init__(
        self, model: Any, settings: TrainingSettings, processes: Processes, trained_before: Collection[str] = ()
    ) -> None:
        self.settings = settings
        self.processes = processes
        self.device = torch.device("cpu")
        if processes.device == "cuda":
            self.device = torch.device("cuda", torch.cuda.current_device())
        config = deepspeed_config(settings, processes)
        groups = parameter_groups(model, settings)
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.999), fused=not settings.offload)
        self._engine = initialize(model, optimizer, config)
        self._clips_here = config["gradient_clipping"] == 0.0
        self._scale = processes.count * config["gradient_accumulation_steps"]
        # what is frozen and was never trained is read again from where it came from
        frozen_is_new = set(trained_before) <= set(settings.train)
        self._leaves_out_frozen = frozen_is_new and not all(p.requires_grad for p in model.parameters())

    @property
    def model(self) -> Any:
        """The model, for evaluation; under ZeRO-3 its weights are gathered as it runs."""
        return self._engine.module

    def forward(self, batch: Batch, num_supervised: int) -> torch.Tensor:
        """Loss of one pack: its summed NLL divided by `num_supervised`, the global step's response tokens."""
        inputs = batch.inputs(self.device)
        divisor = torch.tensor(num_supervised, device=self.device)
        output = self._engine(**inputs, num_supervised=divisor, use_cache=False, return_logits=False)
        loss: torch.Tensor = output.loss
        return loss

    def backward(self, loss: torch.Tensor) -> None:
        """Add this pack's gradients; on the last pack of the step they are summed over the ranks."""
        self._engine.backward(loss * self._scale)

    def step(self, rates: dict[str, float]) -> float | None:
        """Count one pack as done; after the last one of a step clip and update the weights.

        Args:
            rates: the learning rate of each trained group.

        Returns:
            The gradient norm before clipping after an update, None in between.
        """
        for group in self._engine.optimizer.param_groups:
            group["lr"] = rates[group_of(group["name"])]
        updates = self._engine.is_gradient_accumulation_boundary()
        norm = None
        if updates and self._clips_here:
            trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
            norm = torch.nn.utils.clip_grad_norm_(trained, self.settings.max_gradient_norm)
        self._engine.step()
        if not updates:
            return None
        return float(norm if norm is not None else self._engine.get_global_grad_norm() or 0.0)

    def train(self, mode: bool = True) -> None:
        """Switch between training and evaluation (dropout)."""
        self._engine.train(mode)

    def save(self, folder: Path, tag: str) -> None:
        """Write weights and optimizer state of all ranks to `folder/tag`; every rank must call it."""
        exclude = self._leaves_out_frozen
        self._engine.save_checkpoint(str(folder), tag=tag, save_latest=False, exclude_frozen_parameters=exclude)

    def load(self, folder: Path, tag: str) -> None:
        """Read what `save` wrote; every rank must call it."""
        strict = not self._leaves_out_frozen
        self._engine.load_checkpoint(str(folder), tag=tag, load_module_strict=strict, load_lr_scheduler_states=False)

    def gathered_weights(self) -> dict[str, torch.Tensor] | None:
        """Under ZeRO-3 all weights on rank 0, for saving; else None, as the model is whole. All ranks must call it."""
        if self.settings.zero_stage < 3:
            return None
        weights: dict[str, torch.Tensor] | None = self._engine._zero3_consolidated_16bit_state_dict()
        return weights

    def close(self) -> None:
        """Let go of the model and of DeepSpeed's buffers, before the next stage or before the processes part."""
        self._engine.destroy()
        self._engine.module_forward_pre_hook.remove()  # `destroy` leaves these two
        self._engine.module_forward_post_hook.remove()
        del self._engine
