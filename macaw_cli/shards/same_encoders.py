"""Whether two things were made with the same encoders: stores, a dataset and a model, a run and its dataset."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.fingerprints import fingerprint


def require_same_encoders(a: Mapping[Any, Any], b: Mapping[Any, Any], what_a: str, what_b: str) -> None:
    """Refuse to combine features of different encoders; modalities that only one side has do not matter.

    Args:
        a: modality to encoder fingerprint.
        b: the same of the other thing.
        what_a: what `a` belongs to, such as `the dataset data/birds`.
        what_b: the same for `b`.

    Raises:
        MismatchError: a modality that both have was encoded differently; every field that differs is shown.
    """
    differences = [
        f"{modality}: {what_a} has {_shown(a[modality], fields)}; {what_b} has {_shown(b[modality], fields)}"
        for modality in a
        if modality in b and (fields := sorted(set(_differing(a[modality], b[modality]))))
    ]
    if differences:
        raise MismatchError(
            f"{what_a} and {what_b} were made with different encoders. " + ". ".join(differences) + ".",
            "Extract the features again with one encoder, or use the things that belong together.",
        )


def _differing(a: Any, b: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of the fields in which two fingerprints differ."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in a.keys() | b.keys():
            yield from _differing(a.get(name), b.get(name), f"{prefix}{name}.")
    elif fingerprint(a) != fingerprint(b):
        yield prefix.rstrip(".")


def _shown(content: Any, fields: list[str]) -> str:
    return f"{fingerprint(content)} ({', '.join(f'{name}={_at(content, name)}' for name in fields)})"


def _at(content: Any, dotted: str) -> str:
    for name in dotted.split(".") if dotted else []:
        content = content.get(name) if isinstance(content, Mapping) else None
    return "none" if content is None else json.dumps(content, ensure_ascii=False)
