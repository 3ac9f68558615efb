"""`features.precision: auto`: decided once, before any worker starts, for the store and the devices of the work."""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from macaw_cli.basics import console
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.remote_files import driver_errors_are_told, list_folder
from macaw_cli.basics.remote_transfer import fetch
from macaw_cli.basics.urls import is_url, joined
from macaw_cli.config.feature_settings import FeatureSettings, Precision
from macaw_cli.config.loading import Workspace
from macaw_cli.modalities.table import ENCODER_OF
from macaw_cli.shards.feature_store import MANIFEST_NAME, STORE_NAME
from macaw_cli.shards.store_rows import read_store_file
from macaw_cli.shards.tar_writer import PARTIAL_STATE_SUFFIX


def settle_precision(workspace: Workspace, gpus: int | None) -> Workspace:
    """The workspace with `features.precision` decided: equal here and at all workers.

    `auto` is the precision of the store's features, where the store has some; else that of the device.

    Raises:
        UsageError: the store is new, and it is not known yet whether the machines of a Ray cluster have GPUs.
    """
    features = workspace.settings.features
    if features.precision != "auto":
        return workspace
    stored = _precision_of(workspace.place(features.out))
    if stored is None:
        found = _precision_of_devices(features, gpus)
    else:
        found = stored
        if found != _precision_of_this_machine(features):
            console.say(f"features.precision is {found}, as before in the store {features.out}.")
    settled = replace(features, precision=cast(Precision, found))
    return Workspace(workspace.root, replace(workspace.settings, features=settled))


def _precision_of_this_machine(features: FeatureSettings) -> str:
    from macaw_cli.encoders.frozen import computed_precision

    return computed_precision("auto", features.device)


def _precision_of_devices(features: FeatureSettings, gpus: int | None) -> str:
    from macaw_cli.encoders.frozen import computed_precision

    if gpus and features.device == "auto":
        return computed_precision("auto", "cuda")
    if features.engine == "ray" and features.device == "auto" and os.environ.get("RAY_ADDRESS"):
        raise UsageError(
            "features.precision is auto, but it is unknown whether the machines of the Ray cluster encode on GPUs.",
            "Use --set features.precision=tf32 for GPUs or fp32 for CPUs, or give the number of GPUs with --gpus.",
        )
    return _precision_of_this_machine(features)


def _precision_of(place: str) -> str | None:
    """The number format of all features of a store; None where there are none, or of several formats."""
    if not is_url(place):
        folder = Path(place)
        begun = (folder / MANIFEST_NAME).exists() or any(folder.glob(f"*{PARTIAL_STATE_SUFFIX}"))
        return _only_one(read_store_file(folder / STORE_NAME)) if begun and (folder / STORE_NAME).exists() else None
    if not {MANIFEST_NAME, STORE_NAME} <= set(list_folder(place)):
        return None
    with TemporaryDirectory(prefix="macaw-store-") as scratch, driver_errors_are_told(place, "read"):
        fetch(joined(place, STORE_NAME), Path(scratch) / STORE_NAME)
        return _only_one(read_store_file(Path(scratch) / STORE_NAME))


def _only_one(store: dict[str, Any]) -> str | None:
    fingerprints: dict[str, dict[str, Any]] = store.get("fingerprints", {})
    named = {found.get("precision") for name, found in fingerprints.items() if name in ENCODER_OF}
    return named.pop() if len(named) == 1 else None
