"""What the loop does with DeepSpeed: forward, backward, step, save and load, with the loss scaled once and right.

The model returns the sum of -log p over this sequence's response tokens, divided by the number of response tokens of
the whole global step. DeepSpeed divides by the accumulation steps and averages over ranks; both are undone here, so
that the gradient is that of the mean over the global step's tokens, however many processes share it.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.data.reader import StepBatch
from macaw_cli.training.processes import Processes
from macaw_cli.training.steps.deepspeed_config import deepspeed_config
from macaw_cli.training.steps.deepspeed_setup import initialize, new_optimizer
from macaw_cli.training.steps.gradients import GradientNorms, forbid_exit_at_lowest_scale, loss_scale
from macaw_cli.training.tuning.parameter_groups import group_of, parameter_groups


@dataclass(frozen=True)
class Update:
    """What became of one optimizer step; the same on every rank."""

    gradient_norms: dict[str, float]
    """Norm of the gradient per group of parameters, before clipping."""
    lowers_scale: bool = False
    """Whether fp16's loss scale may be what was wrong: DeepSpeed begins high and halves it until it fits."""

    @property
    def gradient_norm(self) -> float:
        """Norm of the whole gradient."""
        return math.sqrt(sum(norm * norm for norm in self.gradient_norms.values()))

    @property
    def applied(self) -> bool:
        """False when nothing was changed, because a gradient was NaN or infinite."""
        return math.isfinite(self.gradient_norm)


def device_of(processes: Processes) -> torch.device:
    """Where this rank trains, once it has joined the others."""
    return torch.device("cuda", torch.cuda.current_device()) if processes.device == "cuda" else torch.device("cpu")


class TrainingEngine:
    """A model under DeepSpeed.

    Args:
        model: a MacawForConditionalGeneration, or what an objective trains instead, whose frozen parameters do not
            require a gradient.
        settings: the run's training settings.
        processes: how many processes train, on what.
        trained_before: groups that earlier stages of the run have trained.
    """

    def __init__(
        self, model: Any, settings: TrainingSettings, processes: Processes, trained_before: Collection[str] = ()
    ) -> None:
        self.settings = settings
        self.processes = processes
        self.device = device_of(processes)
        self.config = config = deepspeed_config(settings, processes)
        """What DeepSpeed was told."""
        groups = parameter_groups(model, settings)
        given = [dict(group, params=list(group["params"])) for group in groups]  # DeepSpeed puts its own in their place
        optimizer = new_optimizer(groups)
        self._engine = initialize(model, optimizer, config, processes)
        for state in optimizer.state.values():
            state["step"].zero_()  # in 16 bits without ZeRO, the trial counts as an update that never was
        self._norms = GradientNorms(
            self._engine, given, stage=settings.zero_stage, offload=settings.offload, device=self.device
        )
        self._clips_here = config["gradient_clipping"] == 0.0
        self._scale = processes.count * config["gradient_accumulation_steps"]
        # what is frozen and was never trained is read again from where it came from
        frozen_is_new = set(trained_before) <= set(settings.train)
        self._leaves_out_frozen = frozen_is_new and not all(p.requires_grad for p in model.parameters())

    @property
    def model(self) -> Any:
        """The model, for evaluation; under ZeRO-3 its weights are gathered as it runs."""
        return self._engine.module

    def forward(self, batch: StepBatch, num_supervised: int, tokens: Any = None) -> torch.Tensor:
        """Loss of one packed sequence: its summed loss over `num_supervised`, the global step's targets.

        Args:
            batch: the sequence.
            num_supervised: response tokens of the global step, or pairs.
            tokens: see `StepFigures.tokens`; it gets their losses.
        """
        inputs = batch.inputs(self.device) | ({} if tokens is None else {"token_weights": tokens})
        # a plain number: a tensor made on the GPU would be waited for
        output = self._engine(**inputs, num_supervised=num_supervised, use_cache=False, return_logits=False)
        loss: torch.Tensor = output.loss
        return loss

    def backward(self, loss: torch.Tensor) -> None:
        """Add this sequence's gradients; on the last sequence of the step they are summed over the ranks.

        A non-finite loss gives non-finite gradients, even where the formula would give finite ones: so the
        norm of the gradient, which all ranks share, is the one thing that decides whether a step counts.
        """
        is_number = torch.isfinite(loss.detach())
        # without ZeRO DeepSpeed's fp16 optimizer divides by its loss scale, but its engine does not multiply by it
        scale = self._scale if self.settings.zero_stage else self._scale * loss_scale(self._engine)
        self._engine.backward(loss * torch.where(is_number, scale, math.nan))

    def step(self, rates: dict[str, float]) -> Update | None:
        """Count one packed sequence as done; after the last one of a step clip and update the weights.

        A non-finite gradient changes nothing, on any rank: neither weights nor optimizer state.

        Args:
            rates: the learning rate of each trained group.

        Returns:
            What became of the step after its last sequence, None in between.
        """
        for group in self._param_groups:
            group["lr"] = rates[group_of(group["name"])]
        if not self._engine.is_gradient_accumulation_boundary():
            self._engine.step()
            return None
        update = Update(self._norms.measure(), lowers_scale=loss_scale(self._engine) > 1)
        if self._clips_here:
            self._clip(update)
        forbid_exit_at_lowest_scale(self._engine)
        self._engine.step()
        return update

    def _clip(self, update: Update) -> None:
        """Where DeepSpeed has no optimizer of its own; without gradients AdamW leaves everything as it is."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if update.applied:
            norm = torch.tensor(update.gradient_norm, device=self.device)
            torch.nn.utils.clip_grads_with_norm_(trained, self.settings.max_gradient_norm, norm)
        else:
            for parameter in trained:
                parameter.grad = None

    def train(self, mode: bool = True) -> None:
        """Switch between training and evaluation (dropout)."""
        self._engine.train(mode)

    def save(self, folder: Path, tag: str) -> None:
        """Write weights and optimizer state of all ranks to `folder/tag`; every rank must call it."""
        exclude = self._leaves_out_frozen
        self._engine.save_checkpoint(str(folder), tag=tag, save_latest=False, exclude_frozen_parameters=exclude)

    def load(self, folder: Path, tag: str, *, universal: bool = False) -> None:
        """Read what `save` wrote; every rank must call it.

        Args:
            folder: of the checkpoints.
            tag: name of one.
            universal: whether it was converted for any number of processes.
        """
        strict = not self._leaves_out_frozen
        groups = [{key: value for key, value in group.items() if key != "params"} for group in self._param_groups]
        self._engine._config.load_universal_checkpoint = universal  # asked for only while loading
        try:
            self._engine.load_checkpoint(
                str(folder), tag=tag, load_module_strict=strict, load_lr_scheduler_states=False
            )
        finally:
            self._engine._config.load_universal_checkpoint = False
        if universal:
            self._part_what_is_shared(groups)

    @property
    def _param_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = self._engine.optimizer.param_groups
        return groups

    def _part_what_is_shared(self, groups: list[dict[str, Any]]) -> None:
        """Undo two things that DeepSpeed does with a universal checkpoint of stage 3.

        All groups get the first one's name and weight decay; and all parameters get one and the same count of steps,
        which each update would then raise once per parameter.
        """
        for group, own in zip(self._param_groups, groups, strict=True):
            group.update(own)
        for state in self._engine.optimizer.optimizer.state.values():
            if isinstance(state.get("step"), torch.Tensor):
                state["step"] = state["step"].clone()

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
