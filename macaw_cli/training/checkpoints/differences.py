"""What differs between two trees of settings, value by value and as `macaw.yaml` would write it."""

from collections.abc import Iterator
from typing import Any

import yaml

MOST_SHOWN = 8


def leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything in nested sections; the entries of a list of sections are numbered from 0."""
    if isinstance(tree, dict):
        for name, below in tree.items():
            yield from leaves(below, f"{key}.{name}" if key else name)
    elif isinstance(tree, list | tuple) and any(isinstance(item, dict) for item in tree):
        for number, item in enumerate(tree):
            yield from leaves(item, f"{key}.{number}")
    else:
        yield key, list(tree) if isinstance(tree, tuple) else tree


def differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The keys whose values differ; one that is missing on a side is null there."""
    return [key for key in {**before, **now} if before.get(key) != now.get(key)]


def told(keys: list[str], before: dict[str, Any], now: dict[str, Any]) -> str:
    """`key was 1, is 2; ...`, the first few of them."""
    shown = [f"{key} was {_yaml(before.get(key))}, is {_yaml(now.get(key))}" for key in keys[:MOST_SHOWN]]
    more = [f"and {len(keys) - MOST_SHOWN} more"] if len(keys) > MOST_SHOWN else []
    return "; ".join(shown + more)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()
