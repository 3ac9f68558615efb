"""The conversations that a run was trained on, which need not be those of the dataset that it is asked about."""

from pathlib import Path

from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.config.loading import Workspace
from macaw_cli.config.run_files import VERSIONS
from macaw_cli.evaluation.asked_dataset import trained_on
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
        places = trained_on(workspace, run)
        dataset = joined([TrainingDataset(place, number) for number, place in enumerate(places)])
    except (MacawError, OSError):
        return []
    return dataset.conversations("train") if dataset.hash == wanted else []
