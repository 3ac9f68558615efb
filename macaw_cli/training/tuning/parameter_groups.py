"""Which parameters are trained, and with what: the groups that AdamW sees, and the counts that people see."""

from collections.abc import Collection
from typing import Any

import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.training_settings import TrainingSettings

NO_DECAY = " (no decay)"
"""Ends the name of that half of a group whose parameters never decay."""


def freeze(model: Any, trained: Collection[str]) -> None:
    """Let only what `training.train` names require a gradient.

    Args:
        model: a MacawForConditionalGeneration.
        trained: names of groups; one of which the model has no parameters is fine beside others.

    Raises:
        UsageError: nothing would be trained.
    """
    groups = model.trainable_groups()
    model.requires_grad_(False)
    for name, parameters in groups.items():
        for parameter in parameters.values():
            parameter.requires_grad_(name in trained)
    if not any(groups.get(name) for name in trained):
        found = ", ".join(name for name, parameters in groups.items() if parameters)
        raise UsageError(
            f"training.train names {', '.join(trained)}, but this model has no such parameters. "
            f"It has {found}.",
            f"Add --set training.train={found.split(', ')[0]}.",
        )


def parameter_groups(model: Any, settings: TrainingSettings) -> list[dict[str, Any]]:
    """AdamW's groups: those of the model, each split into matrices, which decay, and the rest, which does not.

    Args:
        model: a model of which the frozen part requires no gradient.
        settings: weight decay of the stage, and of its groups where they have their own.
    """
    groups = []
    for name, parameters in model.trainable_groups().items():
        own = getattr(settings.groups, name)
        decay = settings.weight_decay if own.weight_decay is None else own.weight_decay
        trained = [parameter for parameter in parameters.values() if parameter.requires_grad]
        # under ZeRO-3 a loaded weight is a flat partition; `ds_shape` is what it will be again
        matrices = [parameter for parameter in trained if len(getattr(parameter, "ds_shape", parameter.shape)) > 1]
        chosen = set(map(id, matrices))
        rest = [parameter for parameter in trained if id(parameter) not in chosen]
        groups.append({"params": matrices, "weight_decay": decay, "name": name})
        groups.append({"params": rest, "weight_decay": 0.0, "name": name + NO_DECAY})
    return [group for group in groups if group["params"]]


def group_of(name: str) -> str:
    """The group's name, from that of one of AdamW's groups."""
    return name.removesuffix(NO_DECAY)


def counts_by_group(model: Any, training: TrainingSettings) -> dict[str, tuple[int, int]]:
    """Per group: (trained, frozen) values; an LLM with an adapter is frozen but for the adapter.

    With the objective `media-text` they are those of the bridges and their text half alone.

    Args:
        model: without weights, on the `meta` device, its adapter included.
        training: of one stage; its groups hold.
    """
    if training.objective == "media-text":
        return {"bridge": (sum(parameter.numel() for parameter in _pretraining(model).parameters()), 0)}
    counts, known = {}, 0
    for name, parameters in model.trainable_groups().items():
        values = sum(parameter.numel() for parameter in parameters.values())
        counts[name] = (values, 0) if name in training.train else (0, values)
        known += values
    trained, frozen = counts["llm"]
    counts["llm"] = trained, frozen + sum(parameter.numel() for parameter in model.parameters()) - known
    return counts


def _pretraining(model: Any) -> torch.nn.Module:
    from macaw_cli.model.pretraining.bridge_pretraining import BridgePretraining

    with torch.device("meta"):
        return BridgePretraining(model)
