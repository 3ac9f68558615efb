"""Whether two things were made with the same encoders: stores, a dataset and a model, a run and its dataset."""

import json
from collections.abc import Mapping
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.fingerprints import fingerprint, fingerprint_difference


def require_same_encoders(
    a: Mapping[Any, Any], b: Mapping[Any, Any], what_a: str, what_b: str, *, names_count: bool = False
) -> None:
    """Refuse to combine features of different encoders; modalities that only one side has do not matter.

    Args:
        a: modality to encoder fingerprint.
        b: the same of the other thing.
        what_a: what `a` belongs to, such as `the dataset data/birds`.
        what_b: the same for `b`.
        names_count: refuse another name too, although the weights' hashes are equal: where the hash is not of
            the encoder that is meant, only its name tells.

    Raises:
        MismatchError: a modality that both have was encoded differently; every field that differs is shown.
    """
    differences, precisions = [], set[str]()
    for modality in a:
        if modality in b and (fields := fingerprint_difference(a[modality], b[modality], names_count=names_count)):
            precisions |= {str(fields["precision"][0])} if "precision" in fields else set()
            left = {name: values[0] for name, values in sorted(fields.items())}
            right = {name: values[1] for name, values in sorted(fields.items())}
            differences.append(
                f"{modality}: {what_a} has {_shown(a[modality], left)}; {what_b} has {_shown(b[modality], right)}"
            )
    if differences:
        raise MismatchError(
            f"{what_a[:1].upper()}{what_a[1:]} and {what_b} were made with different encoders. "
            f"{'. '.join(differences)}.",
            f"Extract the features again with one encoder{_alike(precisions)}, or use the things that belong together.",
        )


def _alike(precisions: set[str]) -> str:
    """The setting that makes a precision equal; nothing where the precisions are."""
    return "".join(f" and --set features.precision={precision}" for precision in sorted(precisions)[:1])


def _shown(whole: Any, fields: Mapping[str, Any]) -> str:
    return f"{fingerprint(whole)} ({', '.join(f'{name}={_value(value)}' for name, value in fields.items())})"


def _value(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
