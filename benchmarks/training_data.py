"""What training waits for: padding of the epoch plan on the paper's mix, and reading sequences from real shards.

    python benchmarks/training_data.py                  # makes a dataset of 200 MB in a temporary folder: a minute
    python benchmarks/training_data.py --videos 195      # as many questions per video as the paper: 0.5 GB

Padding is 1 - real tokens / (ranks x the longest rank), summed over steps. For the loader, all sequences of an epoch
are read as fast as it can; then the first ones again by steps that take five times as long per sequence as the loader
does, and the time that these wait is taken: steps that sleep, as beside a GPU, and steps that compute on all cores, as
on a CPU. Cold means that the shards' pages were dropped from the page cache before.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from paper_mix import load_mix
from training_examples import SHAPES, tokenised
from training_shards import make_dataset

from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.epoch_plan import padding_share, plan_epoch
from macaw_cli.training.data.reader import read_ahead
from macaw_cli.training.data.step_sample import PackedExamples

BUDGETS, GLOBAL_BATCH_SIZES, RANKS = (512, 1024, 2048, 4096, 8192), (8, 16), (1, 2, 8)
TIMES_SLOWER = 5
"""A step against the loader."""


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="macaw-training-data-", dir=options.folder) as folder:
        make_dataset(Path(folder), load_mix(), images=options.images, videos=options.videos)
        loader = Loader(Path(folder) / "dataset", options.sequence_length, options.steps)
        report = {
            "padding": {f"{budget} tokens x {sequences} sequences": shares for budget, sequences, shares in padding()},
            "dataset_bytes": loader.stored_bytes,
            "sequence_length": options.sequence_length, "sequences": len(loader.sequences),
            "cold": loader.report(warm=False), "warm": loader.report(warm=True),
        }  # fmt: skip
    print(json.dumps(report, indent=2))


def padding() -> list[tuple[int, int, dict[str, float]]]:
    """Budget, sequences per step, and the share that ranks wait for the longest one, by their number."""
    mix = load_mix()
    lengths, supervised = [one.length for one in mix], [one.response for one in mix]
    found = []
    for budget in BUDGETS:
        for sequences in GLOBAL_BATCH_SIZES:
            steps = plan_epoch(lengths, supervised, seed=0, epoch=0, token_budget=budget, global_batch_size=sequences)
            shares = {f"{ranks} ranks": round(padding_share(steps, lengths, ranks), 5) for ranks in RANKS}
            found.append((budget, sequences, shares))
    return found


class Loader:
    """Reads the sequences of an epoch over the paper's mix, as training does.

    Args:
        folder: a dataset whose conversations are named after their number in the mix.
        sequence_length: budget of a packed sequence.
        steps: sequences that are trained on.
    """

    def __init__(self, folder: Path, sequence_length: int, steps: int) -> None:
        self._steps = steps
        self._folder = folder
        self._mix = load_mix()
        self._rows = TrainingDataset(folder).conversations("train")
        config = MacawConfig.for_llm(_llm(), MacawBridgeSettings(), SHAPES)
        self._tokens = tokenised([self._mix[int(row.id)] for row in self._rows], config)
        planned = plan_epoch(
            self._tokens.lengths.tolist(), self._tokens.supervised_counts.tolist(), seed=0, epoch=0,
            token_budget=sequence_length, global_batch_size=8,
        )  # fmt: skip
        self.sequences = [sequence for step in planned for sequence in step.sequences if sequence]
        self.stored_bytes = sum(self._reader().stored_bytes(sequence) for sequence in self.sequences)

    def report(self, *, warm: bool) -> dict[str, object]:
        """How fast it reads, and how long steps wait for it."""
        self._prepare(warm=warm)
        seconds = self._consume(self.sequences, lambda: None)[0]
        step_s = TIMES_SLOWER * seconds / len(self.sequences)
        waits = {}
        for name, step in {"sleeping": lambda: time.sleep(step_s), "computing": lambda: compute(step_s)}.items():
            self._prepare(warm=warm)
            spent, waited = self._consume(self.sequences[: self._steps], step)
            waits[f"waiting of {name} steps"] = round(waited / spent, 5)
        return {
            "examples_per_second": round(len(self._rows) / seconds, 1),
            "MB_per_second": round(self.stored_bytes / seconds / 1e6, 1), "step_ms": round(1000 * step_s, 2), **waits,
        }  # fmt: skip

    def _consume(self, sequences: Sequence[PackedExamples], step: Callable[[], None]) -> tuple[float, float]:
        """Seconds of training on these sequences, and those of them in which a sequence was waited for."""
        waited, started = 0.0, time.perf_counter()
        batches = read_ahead(self._reader(), sequences)
        for _ in sequences:
            asked = time.perf_counter()
            next(batches)
            waited += time.perf_counter() - asked
            step()
        batches.close()
        return time.perf_counter() - started, waited

    def _reader(self) -> SequenceReader:
        return SequenceReader(TrainingDataset(self._folder), self._rows, self._tokens, torch.float32)

    def _prepare(self, *, warm: bool) -> None:
        for shard in self._folder.glob("*.tar"):
            if warm:
                shard.read_bytes()
            else:
                drop_pages(shard)


def drop_pages(file: Path) -> None:
    """Make the next read of this file come from the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)  # pages that are not yet written cannot be dropped
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def compute(seconds: float) -> None:
    """Matrix products on all of torch's threads."""
    matrix, until = torch.ones(384, 384), time.perf_counter() + seconds
    while time.perf_counter() < until:
        matrix @ matrix


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=144, help="1,000 questions at the paper's 6.9 for each image")
    parser.add_argument("--videos", type=int, default=64, help="with soundtracks; the paper has 5.1 questions for each")
    parser.add_argument("--sequence-length", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=60, help="sequences on which the steps train")
    parser.add_argument("--folder", type=Path, help="where to make the dataset: the disk to be measured")
    return parser.parse_args()


def _llm() -> object:
    from transformers import LlamaConfig

    return LlamaConfig(vocab_size=32007)


if __name__ == "__main__":
    main()
