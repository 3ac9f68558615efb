"""How likely candidate answers are: rows of prompts and candidates through the model, in one forward pass."""

from collections.abc import Sequence

from macaw_cli.inference.branches import (
    BranchRow,
    BranchScore,
    apart,
    branch_batch,
    branch_scores,
    kept_logits,
    plain_batch,
)
from macaw_cli.inference.features import Features, joined_features
from macaw_cli.model.fusion.instructions import reads_instructions
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.packing.packing_support import branches_are_supported


def score(
    model: MacawForConditionalGeneration, rows: Sequence[BranchRow], features: Sequence[Features]
) -> list[list[BranchScore]]:
    """Per row, the score of every candidate and then of every span, in one forward pass.

    Args:
        model: in evaluation mode.
        rows: prompts with their candidates.
        features: of each row.
    """
    plain = _needs_plain_rows(model, rows)
    layout = plain_batch(apart(rows)) if plain else branch_batch(rows)
    pairs = zip(rows, features, strict=True)
    together = joined_features(own for row, own in pairs for _ in (row.branches if plain else (0,)))
    inputs = layout.inputs(model.device, with_answers=reads_instructions(model))
    output = model(**inputs, logits_to_keep=layout.keep, use_cache=False, **together)
    if not plain:
        return branch_scores(rows, layout, output.logits)
    scores = iter(branch_scores(apart(rows), layout, output.logits))
    return [_together([next(scores) for _ in row.branches]) for row in rows]


def _together(scores: Sequence[list[BranchScore]]) -> list[BranchScore]:
    """Of rows with one candidate each: the candidates, then what else the first one was asked."""
    return [*(own[0] for own in scores), *scores[0][1:]]


def positions_kept(model: MacawForConditionalGeneration, rows: Sequence[BranchRow]) -> int:
    """Positions whose logits a forward pass of these rows holds."""
    plain = _needs_plain_rows(model, rows)
    count = sum(len(row.branches) for row in rows) if plain else len(rows)
    return count * kept_logits(rows, plain=plain)


def _needs_plain_rows(model: MacawForConditionalGeneration, rows: Sequence[BranchRow]) -> bool:
    """Whether the answers to one question would disturb each other in one row."""
    return not branches_are_supported(model.language_model, max(row.length for row in rows))
