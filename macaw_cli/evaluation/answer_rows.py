"""What became of one question, as a row of `answers.jsonl`."""

import math
from typing import Any

from macaw_cli.evaluation.questions.conditions import in_order
from macaw_cli.evaluation.questions.held_out import HeldOut


def answer_row(question: HeldOut) -> dict[str, Any]:
    """One line of `answers.jsonl`.

    Args:
        question: with its answers.
    """
    return {
        "id": question.row.id,
        "turn": question.turn,
        "kind": question.row.kind,
        "modality": question.modality,
        "tags": list(question.row.tags),
        "media": [ref.source for ref in question.row.media],
        "media_keys": [ref.key for ref in question.row.media],
        **({"told": [ref.text for ref in question.row.media]} if any(ref.text for ref in question.row.media) else {}),
        "messages": question.messages,
        "answers": {name: question.answers[name] for name in in_order(question.answers)},
        "right": question.right,
        "likelihood": {name: nats for name, nats in question.likelihood.items() if math.isfinite(nats)},
        "answer_tokens": question.tokens,
        **({"shown": [one.row.id for one in question.demonstrations]} if question.demonstrations else {}),
        **({"judge": {name: vars(one) for name, one in question.judged.items()}} if question.judged else {}),
        **({"reasoned": {name: vars(one) for name, one in question.reasoned.items()}} if question.reasoned else {}),
    }
