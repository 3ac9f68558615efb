"""Everything that a training reads, opened and checked before a run folder is made or a process started."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.config.loading import Workspace
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.encoders.source import explain, quiet_transformers
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.epoch_plan import PlannedStep, plan_epoch
from macaw_cli.training.llm_identity import llm_identity
from macaw_cli.training.model_setup import model_config
from macaw_cli.training.schedule import steps_in_run
from macaw_cli.training.sources import llm_source
from macaw_cli.training.tokenised import TokenisedConversations, cache_key, cached, tokenise

TOKEN_CACHE = ".tokens"
"""Folder beside the runs that holds tokenised datasets, shared by all of them."""


@dataclass(frozen=True)
class Materials:
    """The inputs of a training."""

    dataset: TrainingDataset
    config: MacawConfig
    tokenizer: Any
    encoder: ConversationEncoder
    tokens: TokenisedConversations
    key: str
    """Of the token cache: it changes with the data, the tokenizer, the template and the bridge's token counts."""
    llm: str
    """Of the LLM: it changes with its configuration and weights."""

    @property
    def rows(self) -> Sequence[ConversationRow]:
        """The conversations that are trained on, by their number in the plan."""
        rows = self.dataset.conversations("train")
        return [rows[number] for number in self.tokens.numbers]

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same when a run continues."""
        return {
            "dataset": self.dataset.hash,
            "tokens": self.key,
            "llm": self.llm,
            **{f"{modality} encoder": fingerprint(print_) for modality, print_ in self.config.fingerprints.items()},
        }


def prepare(workspace: Workspace, folder: Path) -> Materials:
    """Open the dataset, the tokenizer and the cache of token ids, which is made when it is missing.

    Args:
        workspace: the settings hold.
        folder: the dataset.

    Raises:
        InputError: no dataset or LLM, or no conversation to learn from.
        MismatchError: the dataset was made with another encoder than the settings name.
        UsageError: a setting that cannot be.
    """
    dataset = TrainingDataset(folder)
    if not dataset.conversations("train"):
        raise InputError(f"{folder} has no training conversation.", "Build it with a smaller dataset.val_fraction.")
    config = model_config(workspace, dataset)
    training = workspace.settings.training
    source = llm_source(workspace)
    tokenizer = load_tokenizer(source)
    template = "as_published" if training.as_published else training.template
    encoder = ConversationEncoder(tokenizer, config, template, training.max_tokens)
    cache = workspace.path(training.runs) / TOKEN_CACHE
    key = cache_key(dataset, tokenizer, config, template, training.max_tokens)
    tokens = cached(cache, key, "train") or tokenise(dataset, "train", encoder, cache, key)
    return Materials(dataset, config, tokenizer, encoder, tokens, key, llm_identity(source, config.text_config))


def load_tokenizer(source: str) -> Any:
    """The LLM's tokenizer.

    Raises:
        InputError: it cannot be read.
    """
    from transformers import AutoTokenizer

    with quiet_transformers():
        try:
            return AutoTokenizer.from_pretrained(source)
        except (OSError, ValueError) as error:
            raise explain(source, error) from error


def plan_stage(materials: Materials, training: TrainingSettings, seed: int) -> list[PlannedStep]:
    """Every optimizer step of one stage, all epochs behind each other, cut at `epochs` and `max_steps`.

    Args:
        materials: the tokenised conversations.
        training: the stage's settings.
        seed: decides the order of the conversations.
    """
    tokens = materials.tokens
    lengths, supervised = tokens.lengths.tolist(), tokens.supervised_counts.tolist()
    steps: list[PlannedStep] = []
    steps_of_epochs: list[int] = []
    while len(steps_of_epochs) < training.epochs and len(steps) < (training.max_steps or len(steps) + 1):
        planned = plan_epoch(
            lengths,
            supervised,
            seed=seed,
            epoch=len(steps_of_epochs),
            token_budget=training.pack_tokens,
            packs_per_step=training.packs_per_step,
        )
        steps_of_epochs.append(len(planned))
        steps += planned
    if len(steps_of_epochs) < training.epochs:
        return steps[: training.max_steps]
    return steps[: steps_in_run(steps_of_epochs, training.epochs, training.max_steps)]

