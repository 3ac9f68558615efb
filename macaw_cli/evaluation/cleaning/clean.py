"""What `--clean` makes of a model's answers: the clean subset, and the training examples that can be guessed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.shell_words import to_type
from macaw_cli.evaluation.cleaning.clean_folder import CONVERSATIONS, GUESSABLE, write_clean_folder
from macaw_cli.evaluation.cleaning.clean_subset import clean_conversations, kept_per_modality
from macaw_cli.evaluation.cleaning.guessable import guessable_examples, guessable_per_modality, training_questions
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader


def clean(
    folder: Path,
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    answered: Sequence[HeldOut],
    *,
    limit: int | None,
    batch_size: int,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the folder; returns its report.

    Args:
        folder: that `require_clean_folder` has accepted.
        model: in evaluation mode.
        encoder: of the model.
        dataset: holds the training examples.
        answered: the held-out questions with their answers.
        limit: training conversations per kind that are read; None reads all.
        batch_size: rows per forward pass.
        asked: who was asked what, for the report.

    Returns:
        `folder`, `modalities` (held-out questions `asked` and `kept`), `conversations` that are kept, and `training`
        (examples `read` and `guessable` per modality).
    """
    training = training_questions(dataset, limit)
    guessable = guessable_examples(model, encoder, dataset, training, batch_size)
    conversations = clean_conversations(answered)
    report = {
        "modalities": kept_per_modality(answered), "conversations": len(conversations),
        "training": guessable_per_modality(training, guessable),
    }  # fmt: skip
    write_clean_folder(folder, {**asked, **report}, conversations, guessable)
    return {"folder": str(folder), **report}


def clean_lines(report: Mapping[str, Any]) -> list[str]:
    """What the command tells of the folder."""
    folder = Path(report["folder"])
    kept = ", ".join(f"{seen['kept']:,} of {seen['asked']:,} {name}" for name, seen in report["modalities"].items())
    guessed = ", ".join(
        f"{seen['guessable']:,} of {seen['read']:,} {name}" for name, seen in report["training"].items()
    )
    build = to_type("macaw", "build-dataset", "--source", f"jsonl:{folder / CONVERSATIONS}")
    return [
        f"Need their media: {kept or 'none'} questions, {counted(report['conversations'], 'conversation')} in "
        f"{folder / CONVERSATIONS}. To build a dataset of them: {build}",
        f"Can be guessed: {guessed or 'none'} training examples, listed in {folder / GUESSABLE}.",
    ]
