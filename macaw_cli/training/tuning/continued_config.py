"""The configuration of a model that goes on: that of the model it starts from, with bridges for what is new."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.config.bridges.designs import saved_bridge
from macaw_cli.config.settings import Settings
from macaw_cli.modalities.table import ENCODER_OF, MODALITIES, ROLES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.extraction_settings import encoder_place, extraction_words
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.joined_datasets import DatasetReader


def continued_config(
    start: MacawConfig, folder: Path, settings: Settings, dataset: DatasetReader,
    shapes: Mapping[Modality, Sequence[int]],
) -> MacawConfig:  # fmt: skip
    """The configuration of the model that is trained, without encoders: only features are read.

    Args:
        start: of the model that the training starts from.
        folder: of that model.
        settings: as `with_start` gives them.
        dataset: that is trained on.
        shapes: modality to the feature shape of the dataset, see `feature_shapes`.

    Raises:
        MismatchError: the dataset was made with other encoders than the model.
        UsageError: the dataset has a modality of another package for which the model has no ids.
    """
    _require_its_encoders(start, folder, dataset)
    missing = [name for name in shapes if name not in start.placed_modalities]
    if missing:
        raise UsageError(
            f"The dataset has the modality {missing[0]}, for which the model in {folder} has no token ids.",
            f"Build a dataset without {missing[0]}, or train a new model: leave out training.start_from.",
        )
    config = copy.deepcopy(start)
    both = {**shapes, **start.feature_shapes}
    config.feature_shapes = {name: list(both[name]) for name in MODALITIES if name in both}
    config.bridge = saved_bridge(settings.bridge, config.feature_shapes)
    changed = {name: settings.views.of(name) for name in config.modalities}
    config.views = {name: asdict(view) for name, view in changed.items() if view != type(view)()}
    config.fingerprints = {**start.fingerprints, **{name: dataset.fingerprints[name] for name in shapes}}
    for role in ROLES:
        if any(ENCODER_OF.get(name) == role for name in config.modalities):
            named = asdict(settings.features.encoder_of(role))
            own = {**start.encoders.get(role, named), "model": encoder_place(start, role, folder)}
            config.encoders = {**config.encoders, role: named if named["model"] else own}
        setattr(config, f"{role}_encoder_config", None)
    return config


def _require_its_encoders(start: MacawConfig, folder: Path, dataset: DatasetReader) -> None:
    own = {name: start.fingerprints[name] for name in start.modalities if start.fingerprints.get(name)}
    try:
        require_same_encoders(dataset.fingerprints, own, dataset.title, f"the model {folder}")
    except MismatchError as error:
        words = to_type(*extraction_words(start, folder))
        raise MismatchError(error.problem, f"Extract the features with the model's encoder: {words}") from None
