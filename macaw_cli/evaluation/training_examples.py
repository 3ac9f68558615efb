"""The conversations that a run was trained on, which need not be those of the dataset that it is asked about."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.config.loading import Workspace
from macaw_cli.config.run_files import SETTINGS_NAME, VERSIONS, read_settings_tree
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.shards.joined_datasets import joined
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow


def training_examples(run: Path, workspace: Workspace, asked: TrainingDataset) -> list[ConversationRow]:
    """The training conversations of a run, whole; none where its datasets are not there as they were.

    Args:
        run: its folder.
        workspace: where the datasets are that its settings name.
        asked: the dataset that is open already.
    """
    try:
        wanted = (read_object(run / "versions.json", VERSIONS).get("identity") or {}).get("dataset")
        if asked.hash == wanted:
            return asked.conversations("train", whole=True)
        folders = _folders(read_settings_tree(run / SETTINGS_NAME))
        places = list(dict.fromkeys(workspace.path(folder) for folder in folders))
        dataset = joined([TrainingDataset(place, number) for number, place in enumerate(places)])
    except (MacawError, OSError):
        return []
    return dataset.conversations("train") if dataset.hash == wanted else []


def _folders(tree: dict[str, Any]) -> list[str]:
    """Every dataset of every stage, without its weight."""
    training, own = tree.get("training") or {}, [(tree.get("dataset") or {}).get("out") or "dataset"]
    stages = training.get("stages") or [{}]
    texts = [str(text) for stage in stages for text in stage.get("datasets") or training.get("datasets") or own]
    return [split_weight(text)[0] for text in texts]
