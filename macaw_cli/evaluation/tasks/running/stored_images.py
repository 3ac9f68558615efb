"""Features of images that an earlier extraction has stored, for a model that was trained on such features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.basics.fingerprints import fingerprint_difference, sha256_file
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.views import viewed
from macaw_cli.inference.attachments import Attachment
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.shards.feature_store import FEATURE_STORE, FeatureStore

KEY_DIGITS = 32
"""Of the SHA-256 of a file's content, by which stores know it."""


class StoredImages:
    """Looks images up by their content.

    Args:
        stores: of any encoders; those of another one than the model's are left out.
        config: of the model.
    """

    def __init__(self, stores: Sequence[FeatureStore], config: Any) -> None:
        self._config = config
        trained = config.fingerprints.get("image", {})
        self._stores = [
            store for store in stores
            if trained and "image" in store.fingerprints
            and not fingerprint_difference(store.fingerprints["image"], trained)
        ]  # fmt: skip

    @classmethod
    def of_workspace(cls, workspace: Workspace, config: Any) -> "StoredImages":
        """The feature stores that the settings name, as far as they are there."""
        settings = workspace.settings
        names = dict.fromkeys([settings.features.out, *settings.dataset.features, *settings.dataset.benchmarks])
        stores = []
        for folder in (workspace.path(name) for name in names if "://" not in name):
            try:
                if FEATURE_STORE.is_own(folder):
                    stores.append(FeatureStore(folder))
            except (InputError, MismatchError) as error:
                say(f"Features of {folder} are not used: {error.problem}")
        return cls(stores, config)

    def holds(self, path: Path) -> bool:
        """Whether a store has the features of an image; whether they can be read is not looked at."""
        key = sha256_file(path)[:KEY_DIGITS] if self._stores else ""
        return any((row := store.find(key, "image")) is not None and row.key == key for store in self._stores)

    def find(self, path: Path) -> Attachment | None:
        """The features of an image as the model reads them; None where no store has them."""
        if not self._stores:
            return None
        key = sha256_file(path)
        for store in self._stores:
            row = store.find(key[:KEY_DIGITS], "image")
            if row is None or row.key != key[:KEY_DIGITS]:
                continue
            try:
                stored = torch.from_numpy(store.read(row).copy())
            except DamagedError:
                continue
            features = viewed(self._config.raw_view("image"), stored).float().numpy()
            count = soft_token_count(self._config, "image", features.shape)
            return Attachment(str(path), "image", features, count, sha256=key)
        return None
