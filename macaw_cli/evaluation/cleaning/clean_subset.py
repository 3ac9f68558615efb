"""The held-out questions that need their media: without them the model is wrong, with them right.

Source: MMStar (Chen et al. 2024, arXiv 2403.20330) removes from benchmarks what LLMs answer without images; here the
model itself is asked without media.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from macaw_cli.evaluation.figures.preference import TIE
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.modalities.table import MODALITIES

BLIND = ("none", "told")


def needs_media(question: HeldOut) -> bool:
    """Whether a question is answered with its media only.

    With choices, its answer is right with its own media, and wrong under `none` and `told`. Without, the reference
    answer is likelier with its own media than under `none`, `told` and, where there is a partner, `swapped`.
    """
    if not question.row.media:
        return False
    if question.row.choices:
        right = question.right
        return right.get("real", False) and not any(right.get(condition, True) for condition in BLIND)
    own = question.likelihood.get("real", math.nan)
    others = [question.likelihood.get(name, math.nan) for name in (*BLIND, "swapped")
              if name != "swapped" or name in question.likelihood]  # fmt: skip
    return all((own - other) / question.tokens > TIE for other in others)


def clean_conversations(questions: Sequence[HeldOut]) -> list[dict[str, Any]]:
    """Canonical rows of the conversations that need their media, held out as they were.

    A conversation of several turns goes up to its last answer that does.

    Args:
        questions: answered; the turns of one conversation in order and together.
    """
    kept: list[HeldOut] = []
    for question in questions:
        if needs_media(question):
            if question.turn > 1 and kept and kept[-1].row.id == question.row.id and kept[-1].turn < question.turn:
                kept.pop()
            kept.append(question)
    return [_canonical(question) for question in kept]


def kept_per_modality(questions: Sequence[HeldOut]) -> dict[str, dict[str, int]]:
    """Per modality, the questions that were `asked` and that are `kept`."""
    asked = Counter(question.modality for question in questions if question.row.media)
    kept = Counter(question.modality for question in questions if needs_media(question))
    return {name: {"asked": count, "kept": kept[name]} for name, count in asked.items()}


def _canonical(question: HeldOut) -> dict[str, Any]:
    row = question.row
    media = {
        name: [ref.source for ref in row.media if ref.modality == name and ref.soundtrack_of is None]
        for name in MODALITIES
    }
    optional = {"kind": row.kind, "choices": row.choices, "tags": list(row.tags)}
    return {
        "id": row.id,
        **{name: files for name, files in media.items() if files},
        "messages": question.messages,
        **{name: value for name, value in optional.items() if value},
        "split": "val",
    }
