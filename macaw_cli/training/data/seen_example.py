"""One conversation of a dataset exactly as a training sees it: rendered text, soft tokens, supervised tokens."""

import heapq
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.stages import stage_settings, template_of
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.encoders.views import views_of
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.expert_texts import use_of_config, use_of_settings
from macaw_cli.model.folder import model_folder
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import SPLITS, ConversationRow
from macaw_cli.training.data.tokenising import encode_rows
from macaw_cli.training.tuning.llm_source import llm_source
from macaw_cli.training.tuning.model_config import model_config
from macaw_cli.training.tuning.start_settings import with_start

NAMED = 5
"""Ids that a message names."""
COMPARED = 2000
"""Ids that are compared letter by letter: those that begin like the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of an example.

    Attributes:
        text: decoded; of media the begin or end token's name, or empty.
        tokens: how many there are.
        supervised: the loss is taken of them.
        modality: of soft tokens.
    """

    text: str
    tokens: int
    supervised: bool = False
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class SeenConversation:
    """What a training makes of a conversation.

    Attributes:
        row: of the index.
        model: by whose eyes.
        template: of the text.
        max_length: of an example, in tokens.
        examples: token ids and labels (-100: not supervised) of each; none where it is left out.
        segments: the same, to read.
    """

    row: ConversationRow
    model: str
    template: str
    max_length: int
    examples: list[tuple[list[int], list[int]]]
    segments: list[list[Segment]]


def training_encoder(workspace: Workspace, dataset: TrainingDataset) -> tuple[ConversationEncoder, TrainingDataset]:
    """The encoder of the model that the workspace trains, and the dataset as that model reads it.

    Raises:
        UsageError: `llm` is not set, or a setting that cannot be.
        InputError: the LLM cannot be read.
        MismatchError: the dataset is of another encoder than the settings name.
    """
    workspace = with_start(workspace, quiet=True)
    viewed = dataset.viewed(views_of(workspace.settings.views, dataset.fingerprints))
    viewed = viewed.told(use_of_settings(workspace.settings.expert_texts, dataset.experts, dataset.title))
    config, (_, last) = model_config(workspace, viewed), stage_settings(workspace.settings.training)[-1]
    tokenizer = load_tokenizer(llm_source(workspace))
    return ConversationEncoder(tokenizer, config, template_of(last), last.max_length), viewed


def seen_conversation(workspace: Workspace, folder: Path, name: str, model: str | None = None) -> SeenConversation:
    """A conversation as the model that is trained in the workspace sees it, or as another one does.

    Args:
        workspace: its settings hold for a new model, its `llm` included.
        folder: the dataset.
        name: the conversation's id.
        model: a trained model or run; anything else is the `llm` of the workspace.

    Raises:
        InputError: no conversation has this id; nearest ones are named. Or the LLM cannot be read.
        UsageError: there is no LLM.
        MismatchError: the dataset does not fit the model.
    """
    dataset = TrainingDataset(folder)
    _row(dataset, name)  # before anything is loaded
    if trained := _trained(model):
        encoder = MacawProcessor.from_pretrained(trained).encoder
        dataset = dataset.viewed(views_of(encoder.config.view_settings, dataset.fingerprints))
        dataset = dataset.told(use_of_config(encoder.config))
        shown = str(trained)
    else:
        encoder, dataset = training_encoder(workspace, dataset)
        source = llm_source(workspace)
        shown = os.path.relpath(source) if Path(source).is_dir() else source
    row = _row(dataset, name)  # as the view shows it
    tokens = encode_rows(dataset, [row], encoder)
    examples = [(ids.tolist(), labels.tolist()) for ids, labels in map(tokens.conversation, range(len(tokens)))]
    return SeenConversation(row, shown, encoder.template, encoder.max_length, examples,
                            [list(segments(ids, labels, encoder)) for ids, labels in examples])  # fmt: skip


def segments(ids: list[int], labels: list[int], encoder: ConversationEncoder) -> Iterator[Segment]:
    """An example as text: neighbouring tokens of one sort are decoded together.

    Args:
        ids: of the example.
        labels: -100 where nothing is supervised.
        encoder: that made them.
    """
    media = _media_ids(encoder.config)
    sorts = [(media.get(one), label != IGNORED) for one, label in zip(ids, labels, strict=True)]
    at = 0
    for (medium, supervised), group in groupby(sorts):
        count = len(list(group))
        if medium is None:
            text = encoder.tokenizer.decode(ids[at : at + count], skip_special_tokens=False,
                                            clean_up_tokenization_spaces=False)  # fmt: skip
            yield Segment(text, count, supervised)
        else:
            yield Segment(medium[0], count, supervised, medium[1])
        at += count


def _media_ids(config: MacawConfig) -> dict[int, tuple[str, Modality]]:
    found: dict[int, tuple[str, Modality]] = {}
    for name, (begin, end) in config.begin_end_ids.items():
        found |= {begin: (f"<{name}>", name), end: (f"</{name}>", name)}
    found |= {token: ("", name) for name, token in config.soft_token_ids.items()}
    return found | {token: ("none", name) for name, token in config.null_token_ids.items()}


def _trained(model: str | None) -> Path | None:
    """The model folder, if it is a trained model or a run rather than an LLM."""
    if model is None or not Path(model).is_dir():
        return None
    try:
        return model_folder(Path(model))
    except InputError:  # an LLM, of which whoever reads it says what is wrong
        return None


def _row(dataset: TrainingDataset, name: str) -> ConversationRow:
    rows = [row for split in SPLITS for row in dataset.conversations(split)]
    found = next((row for row in rows if row.id == name), None)
    if found is None:
        near = nearest_ids(name, (row.id for row in rows))
        raise InputError(
            f"{dataset.folder} has no conversation with the id {name!r}.",
            f"Similar ids: {', '.join(near)}." if near else "Look into its index.jsonl for ids.",
        )
    return found


def nearest_ids(name: str, ids: Iterable[str]) -> list[str]:
    """Ids that somebody may have meant, the most similar first."""

    def common(one: str) -> int:
        return _common_beginning(one, name)

    alike = heapq.nlargest(COMPARED, dict.fromkeys(ids), key=common)
    return sorted(closest(name, alike, 10 * NAMED), key=common, reverse=True)[:NAMED]


def _common_beginning(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
