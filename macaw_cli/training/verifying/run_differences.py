"""Two runs side by side: what they read, what came out at each step, and the weights they ended with."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import safe_open

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.training.run_folder import RunFolder

TOLERANCE = 0.01
"""Relative difference that kernels which do not repeat to the bit may make in a few steps."""
MEASURES: dict[str, tuple[str, ...]] = {
    "batches": ("batch_hash",),
    "learning rates": ("learning_rate", "learning_rates"),
    "losses": ("loss", "skipped"),
    "gradient norms": ("gradient_norm", "gradient_norms"),
    "validation": ("validation",),
}
"""Keys of metrics.jsonl by what they tell."""
ALWAYS_EXACT = ("batches", "learning rates")
MUST_BE_THERE = ("batches", "learning rates", "losses")


@dataclass(frozen=True)
class Comparison:
    """One kind of figures of two runs."""

    what: str
    compared: int
    """How many values."""
    largest: float
    """Largest relative difference; infinite where a value is missing or is no number."""
    first: str
    """Where they first differ by more than is allowed; empty if nowhere."""

    @property
    def same(self) -> bool:
        """Whether they agree as far as they have to."""
        return not self.first


def compare_runs(one: RunFolder, other: RunFolder, *, exact: bool) -> list[Comparison]:
    """Compare two runs value by value.

    Args:
        one: a run with a row of metrics.jsonl per step.
        other: the same.
        exact: whether losses, norms and weights must agree to the bit, or within `TOLERANCE`. What is read, and the
            learning rates, must always.
    """
    figures = [_figures(run) for run in (one, other)]
    compared = []
    for what in MEASURES:
        first, second = figures[0].get(what, {}), figures[1].get(what, {})
        if first or second or what in MUST_BE_THERE:
            compared.append(_compare(what, first, second, 0.0 if exact or what in ALWAYS_EXACT else TOLERANCE))
    return [*compared, _compare_weights(one, other, 0.0 if exact else TOLERANCE)]


def _figures(run: RunFolder) -> dict[str, dict[str, Any]]:
    """By what they tell: place (`step 3, loss`) to value."""
    found: dict[str, dict[str, Any]] = {}
    for row in read_jsonl(run.metrics_file):
        for what, keys in MEASURES.items():
            for key in keys:
                if key in row:
                    values = _flat(row[key], key)
                    found.setdefault(what, {}).update({f"step {row['step']}, {name}": one for name, one in values})
    return found


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name} {key}")
    else:
        yield name, value


def _compare(what: str, one: dict[str, Any], other: dict[str, Any], allowed: float) -> Comparison:
    places = list({**one, **other})
    differences = {place: _difference(one.get(place), other.get(place)) for place in places}
    first = next((place for place in places if differences[place] > allowed), "")
    if not places:
        return Comparison(what, 0, float("inf"), "not written down")
    return Comparison(what, len(places), max(differences.values()), first)


def _difference(one: Any, other: Any) -> float:
    if json.dumps(one) == json.dumps(other):  # in JSON even NaN equals itself
        return 0.0
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)):
        return float("inf")
    relative: float = abs(one - other) / max(abs(one), abs(other))
    return relative if math.isfinite(relative) else float("inf")


def _compare_weights(one: RunFolder, other: RunFolder, allowed: float) -> Comparison:
    first, second = _tensors(one), _tensors(other)
    differences = {}
    for name in dict.fromkeys([*first, *second]):
        if name not in first or name not in second:
            differences[name] = float("inf")
            continue
        differences[name] = _tensor_difference(_read(first[name], name), _read(second[name], name))
    place = next((name for name, difference in differences.items() if difference > allowed), "")
    if not differences:
        return Comparison("weights", 0, float("inf"), "no model was saved")
    return Comparison("weights", len(differences), max(differences.values()), place)


def _tensors(run: RunFolder) -> dict[str, str]:
    """Name of each tensor of the trained model, and the file that holds it."""
    files = [str(file) for file in sorted(run.model.glob("*.safetensors"))]
    found: dict[str, str] = {}
    for file in files:
        with safe_open(file, "pt") as tensors:
            found |= dict.fromkeys(tensors.keys(), file)
    return found


def _read(file: str, name: str) -> torch.Tensor:
    with safe_open(file, "pt") as tensors:
        tensor: torch.Tensor = tensors.get_tensor(name)
    return tensor


def _tensor_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Length of the difference over the length of the longer one; 0 only for equal bytes."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return float("inf")
    if torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8)):
        return 0.0
    length = float(max(one.double().norm(), other.double().norm()))
    difference = float((one.double() - other.double()).norm())
    if not math.isfinite(difference):
        return float("inf")
    return max(difference / length, torch.finfo(torch.float64).tiny) if length else torch.finfo(torch.float64).tiny
