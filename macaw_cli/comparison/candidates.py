"""Every design before it is trained: whether it can be, how many steps, how many soft tokens and parameters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.comparison.budget import Budget, endless, of_steps, steps_of_tokens
from macaw_cli.comparison.designs import Design
from macaw_cli.comparison.request import Request
from macaw_cli.config.loading import Workspace
from macaw_cli.config.run_files import read_settings_tree
from macaw_cli.modalities.table import MODALITIES, TABLE
from macaw_cli.training.data.expanding import Counts, placeholder_counts
from macaw_cli.training.data.soft_tokens import SoftTokenCounter
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import TrainingInputs, prepare
from macaw_cli.training.tuning.model_setup import model_without_weights
from macaw_cli.training.tuning.parameter_groups import counts_by_group

PLANNED = "training.planned_soft_tokens"
_UNLIMITED = 1 << 20
"""Tokens: longer than any conversation."""
_STEP = 64
"""Lengths that are proposed are multiples of so many tokens."""


@dataclass(frozen=True)
class Candidate:
    """One design that can be trained, or the reason why not.

    Attributes:
        design: what it is.
        dataset: hash of the training shards.
        conversations: that are trained on.
        skipped: conversations that are left out, as they are too long with its soft tokens.
        soft_tokens: modality to the mean number of soft tokens of one medium of the training shards.
        places: positions of the input that a medium of each shape takes.
        trained_parameters: values that any stage trains.
        settings: dotted key to value of the settings that make the comparison fair.
        error: why it cannot be trained; None where it can.
    """

    design: Design
    dataset: str = ""
    conversations: int = 0
    skipped: int = 0
    soft_tokens: Mapping[str, float] = field(default_factory=dict)
    places: Counts = field(default_factory=dict)
    trained_parameters: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    error: MacawError | None = None


def unnamed_bridges(candidate: Candidate) -> str:
    """What a design with a bridge per modality leaves to the default, in a sentence; empty where it names all."""
    chosen = candidate.design.bridge
    if not isinstance(chosen, Mapping) or "name" in chosen:
        return ""
    named = [name for name in MODALITIES if name in chosen]
    left = {name: soft for name, soft in candidate.soft_tokens.items() if name not in named}
    if not named or not left:
        return ""
    told = (f"{name} the default {TABLE[name].default_bridge} ({soft:.0f} soft tokens)" for name, soft in left.items())
    return (f"The design {candidate.design.label} names no bridge for {' and '.join(left)}: it gives "
            f"{' and '.join(told)}.")  # fmt: skip


def candidates_of(request: Request, runs: Path) -> list[Candidate]:
    """All designs, each with the shards opened and tokenised for it: what is cached is not done again.

    Args:
        request: the command.
        runs: folder of the runs.

    Raises:
        MacawError: what is wrong with every design, such as no dataset.
    """
    found = _same_conversations(request, [_candidate(request, design) for design in request.designs])
    errors = [candidate.error for candidate in found if candidate.error]
    if len(errors) == len(found):
        raise errors[0]
    planned = _planned(request, found, runs)
    return [candidate if candidate.error else _with_length(request, candidate, planned) for candidate in found]


def _candidate(request: Request, design: Design) -> Candidate:
    workspace = request.workspace(design)
    training = workspace.settings.training
    try:
        inputs = prepare(workspace)
        model = model_without_weights(inputs.config, training)
    except MacawError as error:
        return Candidate(design, error=error)
    return Candidate(
        design,
        dataset=inputs.dataset.hash,
        conversations=len(inputs.tokens),
        skipped=inputs.tokens.skipped,
        soft_tokens=_soft_tokens(inputs),
        places=placeholder_counts(inputs.config, inputs.dataset.conversations("train")),
        trained_parameters=sum(trained for trained, _ in counts_by_group(model, training).values()),
    )


def _same_conversations(request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
    """A design that leaves out conversations which others train on would be another training, so it is refused."""
    fewest = min((candidate.skipped for candidate in candidates if not candidate.error), default=0)
    too_long = [candidate.design for candidate in candidates if candidate.skipped > fewest]
    hint = _long_enough(request, too_long) if too_long else ""
    return [
        replace(candidate, error=InputError(
            f"With its soft tokens or texts, {counted(candidate.skipped - fewest, 'conversation')} that other designs "
            "train on would be longer than training.max_length, and left out.",
            hint,
        )) if candidate.skipped > fewest else candidate
        for candidate in candidates
    ]  # fmt: skip


def _long_enough(request: Request, designs: Sequence[Design]) -> str:
    """What to set so that no conversation is left out or cut with any of these designs."""
    unlimited = {"training.max_length": _UNLIMITED, "training.sequence_length": _UNLIMITED}
    try:
        lengths = [prepare(request.workspace(design, more=unlimited)).tokens.lengths.max() for design in designs]
    except MacawError:
        return "Raise training.max_length for all designs, and training.sequence_length with it."
    length = _STEP * -(-int(max(lengths)) // _STEP)
    sequence = max(request.workspace(designs[0]).settings.training.sequence_length, length)
    return f"Raise it for all designs: --set training.max_length={length} --set training.sequence_length={sequence}."


def _planned(request: Request, candidates: Sequence[Candidate], runs: Path) -> dict[str, int]:
    """Modality to the positions that a medium counts as in all designs: those of the design that takes most.

    A comparison that was begun goes on with its own, which may be more. Designs that take equally many need none.
    """
    ready = [candidate for candidate in candidates if candidate.error is None]
    known = [request.workspace(ready[0].design).settings.training.planned_soft_tokens]
    for candidate in ready:
        seed = request.workspace(candidate.design).settings.seed
        begun = RunFolder(runs / request.run_name(candidate.design, seed))
        if begun.is_run:
            tree = read_settings_tree(begun.settings_file)
            known.append((tree.get("training") or {}).get("planned_soft_tokens") or {})
    if any(candidate.places != ready[0].places for candidate in ready):
        known += [{name: max(counts.values()) for name, counts in candidate.places.items()} for candidate in ready]
    names = dict.fromkeys(name for one in known for name in one)
    return {name: max(one.get(name, 0) for one in known) for name in names}


def _with_length(request: Request, candidate: Candidate, planned: Mapping[str, int]) -> Candidate:
    """The settings of plan and budget; a budget of minutes must be measured first."""
    settings: dict[str, Any] = {PLANNED: dict(planned)} if planned else {}
    budget, workspace = request.budget, request.workspace(candidate.design, more=settings)
    if budget and budget.unit == "steps":
        settings |= of_steps(int(budget.amount), workspace.settings.training)
    elif budget and budget.unit == "tokens":
        settings |= of_steps(_steps_of_tokens(workspace, budget), workspace.settings.training)
    return replace(candidate, settings=settings)


def _steps_of_tokens(workspace: Workspace, budget: Budget) -> int:
    """Planned with the workspace's own seed, and the same for all seeds."""
    inputs, wanted = prepare(workspace), 64
    while True:
        planned = plan_stage(inputs, endless(workspace.settings.training, wanted), workspace.settings.seed)
        step_tokens = [step.tokens for step in planned]
        if sum(step_tokens) > budget.amount:
            return steps_of_tokens(step_tokens, budget.amount)
        wanted *= 2


def _soft_tokens(inputs: TrainingInputs) -> dict[str, float]:
    count, media, soft = SoftTokenCounter(inputs.config), Counter[str](), Counter[str]()
    for row in inputs.rows:
        for modality, counts in count(row).items():
            media[modality] += len(counts)
            soft[modality] += sum(counts)
    return {modality: soft[modality] / media[modality] for modality in inputs.config.modalities if media[modality]}
