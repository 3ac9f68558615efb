"""Forecasting series: through the `patch` bridge, and as digits in the prompt with as many tokens of the LLM.

    python benchmarks/series_forecasting.py FOLDER [--row patch|digits|more-digits] [--epochs 12]

Makes the quickstart's world of series (seed 0; the same bytes everywhere) in FOLDER, asks of each series for the next
three values of its first column, 8 steps apart, trains the tiny Llama of the quickstart on it and evaluates MAE, and
CRPS over 20 samples of each answer, over 200 held-out series. The rows:

- `patch`: the series as media; 26 soft tokens.
- `digits`: the last values of the first column, 8 steps apart, written as LLMTIME does; as many as fit into 26 tokens.
- `more-digits`: four times as many tokens, 4 steps apart.

Baselines that need no model: the last value, and the mean of the series.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from macaw_cli.basics.atomic_files import read_json, write_json, write_jsonl
from macaw_cli.config.presets import preset_yaml
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.modalities.numbers_as_text import DigitStyle, Scaling, digits_of
from macaw_cli.quickstart.checkpoints import copy_checkpoints
from macaw_cli.quickstart.world import PlannedFile, make_world, plan_world
from macaw_cli.quickstart.worlds.series import AHEAD, APART, STEPS, SeriesWorld, course, next_values

TOKENS = {"patch": 26, "digits": 26, "more-digits": 104}
STEP = {"digits": 8, "more-digits": 4}
STYLE = DigitStyle(precision=0)
WHOLE = Scaling(0.0, 1.0)


def digits(values: NDArray[np.float64], tokens: int, tokenizer: Any, step: int) -> str:
    """As many of the last values, `step` apart, as fit into so many tokens."""
    count, text = 0, ""
    while count < len(values) // step:
        count += 1
        longer = digits_of(WHOLE.scaled(values[len(values) - 1 - step * (count - 1) :: step]), STYLE)
        if len(tokenizer(longer, add_special_tokens=False)["input_ids"]) > tokens:
            break
        text = longer
    return text


def conversations(files: Sequence[PlannedFile], row: str, tokenizer: Any) -> Iterator[dict[str, Any]]:
    """One conversation about each series."""
    for file in files:
        history, answer = course(file.medium)[:STEPS, 0], next_values(file.medium)
        question, media = "What comes next?", {"series": [file.path]} if row == "patch" else {}
        if row != "patch":
            question = f"{digits(history, TOKENS[row], tokenizer, STEP[row])} {question}"
        talk = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        side = "train" if file.split == "train" else "val"
        yield {"id": f"{file.split}-{file.number}", **media, "kind": "series/forecast", "split": side, "messages": talk}


def baselines(files: Sequence[PlannedFile]) -> dict[str, float]:
    """MAE of what needs no model."""
    courses = [course(file.medium)[:, 0] for file in files]
    true = np.array([one[STEPS + APART - 1 :: APART] for one in courses])
    guesses = {
        "last value": [[one[STEPS - 1]] for one in courses], "mean": [[one[:STEPS].mean()] for one in courses],
        "mean of all answers": [[true.mean()]],
    }  # fmt: skip
    return {name: round(float(np.abs(np.array(guess) - true).mean()), 2) for name, guess in guesses.items()}


def run(folder: Path, *words: str) -> None:
    """Run a command of macaw in the workspace."""
    print("$ macaw", *words, flush=True)
    subprocess.run([sys.executable, "-m", "macaw_cli", *words], cwd=folder, check=True)


def main() -> None:
    """Make, train and measure one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--row", choices=TOKENS, default="patch")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    sizes = QuickstartSettings(modalities=("series",), train_texts=0, heldout_texts=0)
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    make_world(folder, seed=0, sizes=sizes)
    copy_checkpoints(folder / "models")
    tokenizer = AutoTokenizer.from_pretrained(folder / "models/llama")
    files = [file for file in plan_world(0, sizes) if file.split != "unseen"]
    write_jsonl(folder / "forecasts.jsonl", conversations(files, options.row, tokenizer))
    settings = [*SeriesWorld.settings, f"training.epochs={options.epochs}", 'dataset.sources=["jsonl:forecasts.jsonl"]',
                "evaluation.generate=200", "evaluation.samples=20", "evaluation.max_new_tokens=16"]  # fmt: skip
    (folder / "macaw.yaml").write_text(preset_yaml("quickstart", settings))
    if options.row == "patch":
        run(folder, "extract-features")
    run(folder, "build-dataset")
    run(folder, "train", "--set", f"training.name={options.row}")
    run(folder, "evaluate", f"runs/{options.row}")
    figures = read_json(folder / f"runs/{options.row}/evaluation/figures.json")
    kinds = figures["kinds"] or figures["text"]["kinds"]
    found = {"row": options.row, "tokens": TOKENS[options.row], "ahead": AHEAD, **kinds["series/forecast"]["metrics"]}
    write_json(folder / "result.json", found | {"baselines": baselines([one for one in files if one.split != "train"])})
    print(json.dumps(read_json(folder / "result.json")))


if __name__ == "__main__":
    main()
