"""Examples per second of `macaw evaluate` against a bare batched forward over the same tokens, in turns in one run.

    python benchmarks/evaluation.py ~/macaw-quickstart                      # a finished quickstart
    python benchmarks/evaluation.py ~/work --model runs/mlp --limit 50      # any workspace and model
    python benchmarks/evaluation.py ~/macaw-quickstart --pieces             # and where the time goes

The one side is all that `macaw evaluate` does with a loaded model: it reads the questions, encodes them under every
condition (real, none, told, swapped, ...), reads features, scores and makes the figures; nothing is generated. The bare
side calls the model on the same batches, whose ids, masks and features lie in memory, and reads nothing off the logits.
Both read the same tokens: what they have in common is computed once. `apart` is how many tokens one row for each
question, condition and candidate would have. CPU seconds of one thread (`--device cuda`: seconds), medians of rounds.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.views import views_of
from macaw_cli.evaluation import evaluate
from macaw_cli.evaluation.asking import scoring
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.inference.branches import branch_batch
from macaw_cli.inference.features import joined_features
from macaw_cli.model.folder import load_model, model_folder, newest_model
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.shards.training_dataset import TrainingDataset

GOAL = 0.9
"""Least ratio of the examples per second."""


def main() -> int:
    """Run the check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="folder with a macaw.yaml, a dataset and a trained model")
    parser.add_argument("--model", type=Path, help="run or model folder; default: the workspace's newest")
    parser.add_argument("--limit", type=int, default=100, help="questions per kind")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pieces", action="store_true", help="also print the functions that take most time")
    given = parser.parse_args()
    torch.set_num_threads(1)
    workspace = open_workspace(given.workspace, [])
    folder = model_folder(given.workspace / given.model) if given.model else newest_model(workspace)
    model, processor = load_model(folder, torch.device(given.device))
    dataset = TrainingDataset(workspace.path(workspace.settings.evaluation.data or workspace.settings.dataset.out))
    dataset = dataset.viewed(views_of(model.config.view_settings, dataset.fingerprints))
    batch_size = workspace.settings.evaluation.batch_size

    def whole() -> None:
        answered = evaluate_model(model, processor.encoder, dataset, limit=given.limit, batch_size=batch_size)
        figures_of("", answered)

    with no_cudnn_attention():
        batches, examples = _batches_of(whole)
        bare = _bare(model, dataset, batches)
        seconds = _in_turns([whole, bare], given.rounds, given.device)
        if given.pieces:
            _print_pieces(whole)
    read, apart = _tokens(batches)
    rates = [examples / statistics.median(side) for side in seconds]
    ratio = rates[0] / rates[1]
    print(f"{examples:,} examples in {sum(map(len, batches)):,} rows of {len(batches):,} batches, {given.device}")
    print(f"tokens read {read:,}; apart {apart:,} ({apart / read:.1f} times as many)")
    print(f"macaw evaluate {rates[0]:8,.0f} examples/s   bare forward {rates[1]:8,.0f} examples/s   ratio {ratio:.2f}")
    print("passed" if ratio >= GOAL else f"failed: the goal is {GOAL}")
    return 0 if ratio >= GOAL else 1


def _batches_of(whole: Callable[[], None]) -> tuple[list[list[scoring.Encoded]], int]:
    """The batches that an evaluation makes, and how much is asked in them."""
    seen: list[list[scoring.Encoded]] = []
    original = evaluate.score

    def noted(model: Any, dataset: Any, batch: Any) -> Any:
        seen.append(batch)
        return original(model, dataset, batch)

    evaluate.score = noted
    try:
        whole()
    finally:
        evaluate.score = original
    return seen, sum(one.count for batch in seen for one in batch)


def _bare(model: Any, dataset: Any, batches: list[list[scoring.Encoded]]) -> Callable[[], None]:
    """The model alone on the same batches."""
    ready = []
    for batch in batches:
        layout = branch_batch([one.row for one in batch])
        features = joined_features(scoring.features_of(one.media, dataset, model) for one in batch)
        ready.append(({**layout.inputs(model.device), **features}, layout.keep))

    def run() -> None:
        with torch.inference_mode():
            for inputs, keep in ready:
                model(**inputs, logits_to_keep=keep, use_cache=False)

    return run


def _in_turns(sides: list[Callable[[], None]], rounds: int, device: str) -> list[list[float]]:
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds: list[list[float]] = [[] for _ in sides]
    for number in range(rounds + 1):
        for side, own in zip(sides, seconds, strict=True):
            began = clock()
            side()
            if device != "cpu":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                own.append(clock() - began)
    return seconds


def _tokens(batches: list[list[scoring.Encoded]]) -> tuple[int, int]:
    """Tokens of all rows; and of one row for each question, condition and candidate."""
    rows = [one for batch in batches for one in batch]
    apart = 0
    for one in rows:
        apart += len(one.numbers) * sum(len(one.row.prompt) + len(branch) - 1 for branch in one.row.branches)
        apart += sum(len(numbers) * (end - 1) for (_, end), numbers in one.spans.items())
    return sum(one.row.length for one in rows), apart


def _print_pieces(whole: Callable[[], None]) -> None:
    profile = cProfile.Profile()
    profile.runcall(whole)
    pstats.Stats(profile, stream=sys.stdout).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    sys.exit(main())
