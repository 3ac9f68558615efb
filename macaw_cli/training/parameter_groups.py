"""Which parameters are trained, and with what: the groups that AdamW sees, and the counts that people see."""

from collections.abc import Collection
from typing import Any


def freeze(model: Any, trained: Collection[str]) -> None:
    """Let only what `training.train` names require a gradient.

    Args:
        model: a MacawForConditionalGeneration.
        trained: names of groups.
    """
    model.requires_grad_(False)
    for name, parameters in model.trainable_groups().items():
        for parameter in parameters.values():
            parameter.requires_grad_(name in trained)


def parameter_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups: `bridge`, `tags` and `llm`, each split into matrices, which decay, and the rest, which does not.

    Args:
        model: a model of which the frozen part requires no gradient.
        weight_decay: decay of the matrices.
    """
    groups = []
    for name, parameters in model.trainable_groups().items():
        trained = [parameter for parameter in parameters.values() if parameter.requires_grad]
        # under ZeRO-3 a loaded weight is a flat partition; `ds_shape` is what it will be again
        matrices = [parameter for parameter in trained if len(getattr(parameter, "ds_shape", parameter.shape)) > 1]
        chosen = set(map(id, matrices))
        rest = [parameter for parameter in trained if id(parameter) not in chosen]
        groups.append({"params": matrices, "weight_decay": weight_decay, "name": name})
        groups.append({"params": rest, "weight_decay": 0.0, "name": f"{name} (no decay)"})
    return [group for group in groups if group["params"]]


def parameter_counts(model: Any) -> dict[str, tuple[int, int]]:
    """Per group: (trained, frozen) numbers of values."""
    counts = {}
    for name, parameters in model.trainable_groups().items():
        sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in parameters.values()]
        counts[name] = (sum(n for n, trained in sizes if trained), sum(n for n, trained in sizes if not trained))
    return counts
