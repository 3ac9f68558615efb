"""Everything that a training reads, opened and checked before a run folder is made or a process started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.config.loading import Workspace
from macaw_cli.config.stages import stage_settings, template_of
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.encoders.views import views_of
from macaw_cli.evaluation.questions.conditions import TEXT_ONLY, examples_per_modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.expert_texts import use_of_settings
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.templates import TemplateName
from macaw_cli.shards.joined_datasets import DatasetReader, joined
from macaw_cli.shards.told_media import TextUse
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.shared_tokens import shared_tokens
from macaw_cli.training.data.swapped_tokens import SwappedTokens
from macaw_cli.training.data.tokenised import JoinedConversations, Tokens, example_rows
from macaw_cli.training.tuning.context_length_check import require_readable_lengths
from macaw_cli.training.tuning.llm_identity import llm_identity
from macaw_cli.training.tuning.llm_source import llm_source
from macaw_cli.training.tuning.model_config import model_config
from macaw_cli.training.tuning.packing_check import require_packable_llm

TOKEN_CACHE = ".tokens"
"""Folder beside the runs that holds tokenised datasets, shared by all of them."""
FEW_LEFT_OUT, MOST_LEFT_OUT = 0.05, 0.5
"""Share of the conversations above which those that are too long are worth a warning, and too many to train."""


@dataclass(frozen=True)
class TrainingInputs:
    """The inputs of a training."""

    dataset: DatasetReader
    """All datasets of all stages, read as one."""
    config: MacawConfig
    tokenizer: Any
    encoders: Mapping[str, ConversationEncoder]
    """By template."""
    template: str
    """Of the last stage, in which the trained model is asked, and held-out questions are too."""
    tokens: Tokens
    """The training conversations of all datasets, behind each other, and then the swapped examples of all stages."""
    ranges: dict[tuple[str, str], range]
    """Folder, as the settings name it, and template to its conversations' numbers in `tokens`; "" is `dataset.out`."""
    more: np.ndarray
    """(conversations,) int64: by how many tokens each counts as longer, see `training.planned_soft_tokens`."""
    key: str
    """Of the token caches: it changes with the data, the tokenizer, the template and the bridge's token counts."""
    llm: str
    """Identity of the LLM, which changes with its configuration and weights."""

    @property
    def encoder(self) -> ConversationEncoder:
        """That of the last stage's template."""
        return self.encoders[self.template]

    @cached_property
    def rows(self) -> Sequence[ConversationRow]:
        """The conversations that are trained on, by their number in the plan."""
        own = example_rows(self.dataset.conversations("train"), self.tokens)
        return self.tokens.rows(own) if isinstance(self.tokens, SwappedTokens) else own

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same when a run continues."""
        return {
            "dataset": self.dataset.hash,
            "tokens": self.key,
            "llm": self.llm,
            **{f"{modality} encoder": fingerprint(print_) for modality, print_ in self.config.fingerprints.items()},
        }


def prepare(workspace: Workspace) -> TrainingInputs:
    """Open the datasets, the tokenizer and the caches of token ids, which are made when they are missing.

    Args:
        workspace: the settings hold.

    Raises:
        InputError: no dataset or LLM, no conversation to learn from, or one longer than the LLM's positions.
        MismatchError: datasets of different encoders, or another encoder than the settings name.
        UsageError: a setting or view that cannot be, or an LLM that would mix the conversations of a packed sequence.
    """
    training = workspace.settings.training
    folders = dataset_folders(workspace)
    places = list(dict.fromkeys(folders.values()))
    parts = [_open(folder, number) for number, folder in enumerate(places)]
    views = views_of(workspace.settings.views, joined(parts).fingerprints)
    use = use_of_settings(workspace.settings.expert_texts, parts[0].experts, parts[0].title)
    parts = [part.viewed(views).told(use) for part in parts]
    dataset = joined(parts)
    _require_not_swapped(training, use)
    config = model_config(workspace, dataset)
    source = llm_source(workspace)
    tokenizer = load_tokenizer(source)
    texts = _texts(workspace)
    encoders: dict[str, ConversationEncoder] = {
        name: ConversationEncoder(tokenizer, config, name, training.max_length) for _, name in texts
    }
    cache = workspace.path(training.runs) / TOKEN_CACHE
    wanted = list(dict.fromkeys((places.index(folders[text]), template) for text, template in texts))
    least = training.planned_soft_tokens
    made = [shared_tokens(parts[number], encoders[template], cache, least) for number, template in wanted]
    tokens, keys = [one.tokens for one in made], [one.key for one in made]
    ends = [sum(map(len, tokens[:number])) for number in range(len(tokens) + 1)]
    lengths = np.concatenate([part.lengths for part in tokens])
    require_readable_lengths(config.text_config, lengths)
    require_packable_llm(config.text_config, lengths, training)
    spans = {one: range(ends[number], ends[number + 1]) for number, one in enumerate(wanted)}
    first_rows = [sum(map(_trained_rows, parts[:number])) for number, _ in wanted]
    return TrainingInputs(
        dataset=dataset,
        config=config,
        tokenizer=tokenizer,
        encoders=encoders,
        template=texts[-1][1],
        tokens=tokens[0] if len(tokens) == 1 else JoinedConversations(tokens, first_rows),
        ranges={(text, template): spans[places.index(folders[text]), template] for text, template in texts},
        more=np.concatenate([one.more for one in made]),
        key=keys[0] if len(keys) == 1 else fingerprint(keys),
        llm=llm_identity(source, config.text_config),
    )


def tell_skipped(inputs: TrainingInputs) -> None:
    """Say how many conversations are left out, and why; loudly where they are many.

    Raises:
        InputError: most of them are.
    """
    skipped = inputs.tokens.skipped
    if not skipped:
        return
    share = skipped / (skipped + len(inputs.tokens))
    limit = f"training.max_length={inputs.encoder.max_length}"
    if share > MOST_LEFT_OUT:
        raise InputError(
            f"{counted(skipped, 'conversation')} ({share:.0%}) would be left out: with {limit}, an answer or a medium "
            "is cut off.",
            "Raise training.max_length, and training.sequence_length with it, or use fewer soft tokens per medium.",
        )
    lost = _lost_modalities(inputs)
    all_of = f", among them all with {' and all with '.join(lost)}," if lost else ""
    many = f"Warning: {share:.0%} of the conversations" if lost or share > FEW_LEFT_OUT else ""
    way_out = " Raise training.max_length, and training.sequence_length with it." if lost else ""
    say(
        f"{many or counted(skipped, 'conversation')}{all_of} are left out: with {limit}, their answer or a medium is "
        f"cut off.{way_out}"
    )


def _lost_modalities(inputs: TrainingInputs) -> list[str]:
    """The modalities, or combinations of them, of which no conversation is short enough."""
    there = examples_per_modality(inputs.dataset.conversations("train"))
    trained = examples_per_modality(inputs.rows)
    return [name for name in there if name != TEXT_ONLY and not trained.get(name)]


def _texts(workspace: Workspace) -> list[tuple[str, TemplateName]]:
    """Every dataset of every stage, as the settings name it, with the stage's template; the last stage comes last."""
    return [
        (split_weight(text)[0] if text else "", template_of(training))
        for _, training in stage_settings(workspace.settings.training)
        for text in training.datasets or ("",)
    ]


def dataset_folders(workspace: Workspace) -> dict[str, Path]:
    """Every dataset of every stage: as the settings name it, without its weight, and where it is."""
    settings = workspace.settings
    folders = {}
    for _, training in stage_settings(settings.training):
        for text in training.datasets or ("",):
            name = split_weight(text)[0] if text else ""
            folders[name] = workspace.path(name or settings.dataset.out)
            _require_weight(workspace, name, folders[name])
    return folders


def _require_weight(workspace: Workspace, name: str, folder: Path) -> None:
    """Refuse `FOLDER:x` where only FOLDER is there."""
    before, colon, last = name.rpartition(":")
    if colon and not folder.exists() and workspace.path(before).is_dir():
        hint = "A weight is a number above 0, such as 0.5."
        raise UsageError(f"{last} is not a valid weight of the dataset {before}.", hint)


def _open(folder: Path, number: int) -> TrainingDataset:
    dataset = TrainingDataset(folder, number)
    if not _trained_rows(dataset):
        raise InputError(f"{folder} has no training conversations.", "Build it with a smaller dataset.val_fraction.")
    return dataset


def _require_not_swapped(training: TrainingSettings, use: TextUse) -> None:
    """Media are swapped in token ids, where the texts of experts would stay."""
    if use.names and any(stage.swap_negatives for _, stage in stage_settings(training)):
        raise UsageError(
            "training.swap_negatives gives examples the media of others, but their experts' texts would stay.",
            "Set training.swap_negatives to 0, or expert_texts.names to [].",
        )


def _trained_rows(dataset: TrainingDataset) -> int:
    return len(dataset.conversations("train"))
