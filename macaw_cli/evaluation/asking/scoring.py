"""Log-likelihoods of the candidate answers to what is asked: encoded, sorted into batches, scored.

What is asked without media is often the same for many questions; equal rows are scored once. The answers of one
conversation are scored by one row where its last prompt holds the earlier ones as they are asked alone.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch

from macaw_cli.evaluation.asking.shared_turns import can_share_rows, holds_turn
from macaw_cli.evaluation.questions.conditions import Asked, told_without_media, without_media
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.inference import scoring
from macaw_cli.inference.branches import BranchRow, BranchScore
from macaw_cli.model.expert_texts import use_of_config
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.positions import require_positions
from macaw_cli.model.text.earlier_turns import with_earlier_turns
from macaw_cli.model.text.encoding import ConversationEncoder, EncodedConversation
from macaw_cli.model.text.own_instructions import OwnInstructions, instruction_inputs
from macaw_cli.model.text.told_media import with_told
from macaw_cli.shards.expert_texts import told
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import MediaRef

MOST_LOGITS = 2**28
"""The most logits of a forward pass: half a GiB in bf16."""
HINT = "Shorten it, remove it from the dataset, or train an LLM with more positions."


@dataclass
class Encoded:
    """One row of a batch, and everything that is asked by it."""

    row: BranchRow
    media: tuple[MediaRef, ...]
    instructions: OwnInstructions = field(default_factory=dict)
    """See `EncodedConversation`."""
    numbers: list[int] = field(default_factory=list)
    """Places among everything that is asked."""
    spans: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """Answers of earlier turns in the prompt, by begin and end, with the places of what they answer."""

    @property
    def count(self) -> int:
        """How much is asked by it."""
        return len(self.numbers) + sum(map(len, self.spans.values()))

    def shares(self, scores: Sequence[BranchScore]) -> Iterator[tuple[int, Sequence[BranchScore]]]:
        """For each place the scores of its candidates, from those of the row."""
        candidates = len(self.row.branches)
        yield from ((number, scores[:candidates]) for number in self.numbers)
        for numbers, score in zip(self.spans.values(), scores[candidates:], strict=True):
            yield from ((number, [score]) for number in numbers)


def batches_of(
    asked: Sequence[Asked],
    questions: Sequence[HeldOut],
    encoder: ConversationEncoder,
    batch_size: int,
    model: MacawForConditionalGeneration,
) -> Iterator[list[Encoded]]:
    """Encoded questions, sorted by length so that a batch holds little padding; one at least, else few logits.

    Of one length those with the same media stand together: a medium is read and bridged once per batch.

    Raises:
        InputError: one of them is longer than the positions that the LLM has learned.
    """
    rows = _rows(asked, questions, encoder, shares_turns=can_share_rows(model))
    rows.sort(key=lambda one: (one.row.length, [ref.key for ref in one.media], min(one.numbers)))
    longest = max((one.row.longest for one in rows), default=0)
    require_positions(model.config.text_config, longest, "The longest held-out question with its answer", HINT)
    most = MOST_LOGITS // model.config.text_config.vocab_size
    batch: list[Encoded] = []
    for one in rows:
        more = [each.row for each in [*batch, one]]
        if batch and (len(batch) == batch_size or scoring.positions_kept(model, more) > most):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


Known = dict[tuple[str, tuple[Any, ...]], EncodedConversation]
"""What was encoded, by messages and shapes of media."""


def prompt_of(
    item: Asked, question: HeldOut, encoder: ConversationEncoder, known: Known | None = None
) -> EncodedConversation:
    """A question under a condition, up to where the answer begins.

    Args:
        item: the condition.
        question: with its demonstrations.
        encoder: of the model.
        known: what was encoded before, and is not encoded again: other media of the same shape have the same ids.
    """
    messages = question.messages
    if item.condition == "told":
        messages = told_without_media(messages, question.modality)
    elif not item.media:
        messages = without_media(messages)
    shown = [(one.messages, [ref.modality for ref in one.row.media]) for one in question.demonstrations]
    media = media_of(item, question)
    asked = with_earlier_turns(shown, messages[:-1], [ref.modality for ref in item.media])
    asked = with_told(asked, told(media), use_of_config(encoder.config))
    fed = [(ref.modality, ref.shape) for ref in media if ref.fed]
    if known is None:
        return encoder.prompt(asked, fed)
    key = json.dumps(asked), tuple(fed)
    if key not in known:
        known[key] = encoder.prompt(asked, fed)
    return known[key]


def media_of(item: Asked, question: HeldOut) -> tuple[MediaRef, ...]:
    """All media of a prompt: those of its demonstrations, and its own."""
    return (*(ref for one in question.demonstrations for ref in one.row.media), *item.media)


def score(
    model: MacawForConditionalGeneration, dataset: DatasetReader, batch: Sequence[Encoded]
) -> list[list[BranchScore]]:
    """Per row, the score of every candidate and of every span, in one forward pass."""
    loaded: Loaded = {}
    features = [features_of(one.media, dataset, model, loaded, instructions=one.instructions) for one in batch]
    return scoring.score(model, [one.row for one in batch], features)


Loaded = dict[tuple[int, str, int], torch.Tensor]
"""Features that were read, by dataset, shard and offset."""


def features_of(
    media: Sequence[MediaRef], dataset: DatasetReader, model: MacawForConditionalGeneration,
    loaded: Loaded | None = None, *, instructions: OwnInstructions = MappingProxyType({}),
) -> dict[str, list[torch.Tensor]]:  # fmt: skip
    """`image_features` and the like, and `image_instructions`, as the model takes them.

    Args:
        media: of one row.
        dataset: holds the features.
        model: takes them.
        loaded: features of other rows of the batch: a medium of several rows is read, and bridged, once.
        instructions: see `EncodedConversation`.
    """
    features: dict[str, list[torch.Tensor]] = defaultdict(list)
    loaded = {} if loaded is None else loaded
    for ref in (one for one in media if one.fed):
        place = ref.dataset, ref.shard, ref.offset
        if place not in loaded:
            loaded[place] = torch.from_numpy(dataset.features(ref)).to(model.device, model.dtype)
        features[f"{ref.modality}_features"].append(loaded[place])
    return features | instruction_inputs([instructions], model.device)


def _rows(
    asked: Sequence[Asked], questions: Sequence[HeldOut], encoder: ConversationEncoder, *, shares_turns: bool
) -> list[Encoded]:
    responses: dict[str, list[int]] = {}
    rows: list[Encoded] = []
    blind: dict[tuple[tuple[int, ...], tuple[str, ...]], Encoded] = {}
    of_turn: dict[tuple[int, str], Encoded] = {}
    known: Known = {}
    for number in reversed(range(len(asked))):  # later turns first: their prompts hold the answers of earlier ones
        item, question = asked[number], questions[asked[number].row]
        encoded, candidates = prompt_of(item, question, encoder, known), question.candidates
        prompt, media = encoded.input_ids, media_of(item, question)
        for text in candidates:
            if text not in responses:
                responses[text] = encoder.response_ids(text)
        branches = [responses[text] for text in candidates]
        question.tokens = len(branches[question.reference])
        later = of_turn.get((item.row + 1, item.condition)) if shares_turns and question.turn < question.turns else None
        if later is not None and holds_turn(later.row.prompt, later.media, [*prompt, *branches[0]], media):
            later.spans.setdefault((len(prompt), len(prompt) + len(branches[0])), []).append(number)
            of_turn[item.row, item.condition] = later
            continue
        same = None if media else blind.get((tuple(prompt), tuple(candidates)))
        if same is None:
            same = Encoded(BranchRow(prompt, branches, encoded.answered), media, encoded.instructions)
            rows.append(same)
            if not media:
                blind[tuple(prompt), tuple(candidates)] = same
        same.numbers.append(number)
        of_turn[item.row, item.condition] = same
    for one in rows:
        one.row = replace(one.row, spans=tuple(one.spans))
    return rows
