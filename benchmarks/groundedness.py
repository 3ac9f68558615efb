"""How well groundedness tells right answers from planted ones: the quickstart's world, whose contents are known.

    python benchmarks/groundedness.py [--model FOLDER]

Each question of the world stands once with its answer and once with the answer to the same kind of question about
another medium, where that differs. The captions of a medium are the world's description of it. Printed is the area
under the ROC curve (AUC) of the share of known words and, with `--model`, of the gain in log-likelihood by captions.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.dataset.filters.conversation_texts import known_texts, turns
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.filters.gain import GainScorer
from macaw_cli.dataset.filters.grounding import known_words, support
from macaw_cli.quickstart.attributes import AudioContent, ImageContent
from macaw_cli.quickstart.questions import describe_audio, describe_image, describe_video
from macaw_cli.quickstart.world import conversations, plan_world

WORLD = QuickstartSettings(
    train_images=300, train_audios=300, train_videos=300, train_texts=1, heldout=1, heldout_texts=1, unseen=1
)
WITH_MODEL = 300
"""Rows that the model scores."""


def world_rows(seed: int = 0) -> list[dict[str, Any]]:
    """The world's conversations about media, with the captions of their media."""
    files = plan_world(seed, WORLD)
    captions = {file.path: _caption(file.medium) for file in files}
    rows = conversations(files, seed, WORLD)["train"]
    named = [(row, next((row[name][0] for name in ("image", "audio", "video") if name in row), None)) for row in rows]
    return [{**row, "captions": [captions[path]]} for row, path in named if path is not None]


def planted(rows: list[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """The rows with the answers to the same kind of question about other media; those that stay equal are left out."""
    rng = random.Random(seed)
    of_kind: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        of_kind[row["kind"]].append(row["messages"][-1]["content"])
    wrong = []
    for row in rows:
        answer = rng.choice(of_kind[row["kind"]])
        if answer != row["messages"][-1]["content"]:
            wrong.append({**row, "messages": [row["messages"][0], {"role": "assistant", "content": answer}]})
    return wrong


def share_of(row: dict[str, Any]) -> float:
    """The smallest support of the row's answers."""
    known = known_words(known_texts(row))
    return min(support(question, answer, known) for question, answer in turns(row))


def auc(right: list[float], wrong: list[float]) -> float:
    """The share of pairs of a right and a wrong answer in which the right one scores higher; equal ones count half."""
    ordered = np.sort(np.array(wrong))
    below = np.searchsorted(ordered, right, "left").sum() + np.searchsorted(ordered, right, "right").sum()
    return float(below / 2 / len(right) / len(wrong))


def measured(model: str = "", seed: int = 0) -> dict[str, Any]:
    """AUC over all kinds of questions and of each, and what the filter does at its default threshold."""
    right = world_rows(seed)
    wrong = planted(right, seed)
    scores = {True: [share_of(row) for row in right], False: [share_of(row) for row in wrong]}
    found: dict[str, Any] = {
        "pairs": len(right), "planted": len(wrong), "auc": auc(scores[True], scores[False]),
        "kept right": float(np.mean(np.array(scores[True]) >= 0.5)),
        "dropped planted": float(np.mean(np.array(scores[False]) < 0.5)),
        "auc by kind": {
            kind: round(auc(*([score for row, score in zip(rows, of, strict=True) if row["kind"] == kind]
                              for rows, of in ((right, scores[True]), (wrong, scores[False])))), 3)
            for kind in sorted({row["kind"] for row in right})
        },
    }  # fmt: skip
    if model:
        scorer, rng = GainScorer(model, "auto", Surroundings()), random.Random(seed)
        gains = [scorer.gains(rng.sample(rows, WITH_MODEL)) for rows in (right, wrong)]
        found["auc of the gain"] = auc(*([gain for gain in some if gain is not None] for some in gains))
    return found


def _caption(medium: Any) -> str:
    if isinstance(medium, ImageContent):
        return describe_image(medium)
    return describe_audio(medium) if isinstance(medium, AudioContent) else describe_video(medium)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="", type=lambda text: str(Path(text).resolve()) if text else "")
    print(json.dumps(measured(parser.parse_args().model), indent=1))
