"""Every design before it is trained: whether it can be, how many steps, how many soft tokens and parameters."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.basics.errors import MacawError
from macaw_cli.comparison.budget import Budget, endless, of_steps, steps_of_tokens
from macaw_cli.comparison.designs import Design
from macaw_cli.comparison.request import Request
from macaw_cli.config.loading import Workspace
from macaw_cli.training.data.soft_tokens import SoftTokenCounter
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import TrainingInputs, prepare, tell_skipped
from macaw_cli.training.tuning.model_setup import model_without_weights
from macaw_cli.training.tuning.parameter_groups import counts_by_group


@dataclass(frozen=True)
class Candidate:
    """One design that can be trained, or the reason why not.

    Attributes:
        design: what it is.
        dataset: hash of the training shards.
        skipped: conversations that are left out, as they are too long with its soft tokens.
        soft_tokens: modality to the mean number of soft tokens of one medium of the training shards.
        trained_parameters: values that any stage trains.
        settings: dotted key to value of the settings that its budget makes.
        error: why it cannot be trained; None where it can.
    """

    design: Design
    dataset: str = ""
    skipped: int = 0
    soft_tokens: Mapping[str, float] = field(default_factory=dict)
    trained_parameters: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    error: MacawError | None = None


def candidates_of(request: Request) -> list[Candidate]:
    """All designs, each with the shards opened and tokenised for it: what is cached is not done again.

    Raises:
        MacawError: what is wrong with every design, such as no dataset.
    """
    found = [_candidate(request, design) for design in request.designs]
    errors = [candidate.error for candidate in found if candidate.error]
    if len(errors) == len(found):
        raise errors[0]
    return found


def _candidate(request: Request, design: Design) -> Candidate:
    workspace = request.workspace(design)
    training = workspace.settings.training
    try:
        inputs = prepare(workspace)
        tell_skipped(inputs)
        model = model_without_weights(inputs.config, training)
    except MacawError as error:
        return Candidate(design, error=error)
    return Candidate(
        design,
        dataset=inputs.dataset.hash,
        skipped=inputs.tokens.skipped,
        soft_tokens=_soft_tokens(inputs),
        trained_parameters=sum(trained for trained, _ in counts_by_group(model, training).values()),
        settings=_length(inputs, workspace, request.budget),
    )


def _length(inputs: TrainingInputs, workspace: Workspace, budget: Budget | None) -> dict[str, Any]:
    """The settings of a training that a budget of steps or tokens makes; of minutes, it must be measured first."""
    training = workspace.settings.training
    if budget is None or budget.unit == "minutes":
        return {}
    if budget.unit == "steps":
        return of_steps(int(budget.amount), training)
    return of_steps(_steps_of_tokens(inputs, workspace, budget.amount), training)


def _steps_of_tokens(inputs: TrainingInputs, workspace: Workspace, tokens: float) -> int:
    """Planned with the workspace's own seed, and the same for all seeds."""
    wanted = 64
    while True:
        planned = plan_stage(inputs, endless(workspace.settings.training, wanted), workspace.settings.seed)
        step_tokens = [step.tokens for step in planned]
        if sum(step_tokens) > tokens:
            return steps_of_tokens(step_tokens, tokens)
        wanted *= 2


def _soft_tokens(inputs: TrainingInputs) -> dict[str, float]:
    count, media, soft = SoftTokenCounter(inputs.config), Counter[str](), Counter[str]()
    for row in inputs.rows:
        for modality, counts in count(row).items():
            media[modality] += len(counts)
            soft[modality] += sum(counts)
    return {modality: soft[modality] / media[modality] for modality in inputs.config.modalities if media[modality]}
