"""Free-form answers are measured as well as choices: the quickstart's answers rewritten as sentences.

    macaw quickstart world && python benchmarks/free_form.py world

Trains twice on the finished quickstart's features (minutes each): with every answer a sentence in one of three forms
and no choices, and with those sentences shuffled within each kind. Then checks that preference is at least 0.95 for
every kind whose accuracy with choices was at least 0.95, and 0.50 +- 0.03 over all questions of the shuffled control.
Exit code 1 if it is not.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json, read_jsonl, write_json, write_jsonl
from macaw_cli.quickstart.controls import shuffle_answers
from macaw_cli.quickstart.questions import PHRASINGS

SENTENCES = {
    "image/colour": ("The colour of the shape is {}.", "It is a {} one.", "I see something {} here."),
    "image/shape": ("The shape is a {}.", "There is a {} in it.", "What I see is a {}."),
    "image/place": ("The place of the shape is {}.", "Look for it here: {}.", "It was put here, which is {}."),
    "audio/sound": ("The sound that I hear is a {}.", "Somebody recorded a {}.", "That is a {}, clearly."),
    "audio/pitch": ("The pitch of the sound is {}.", "It sounds {} to me.", "What I hear is rather {}."),
    "audio/count": ("The number of sounds is {}.", "I count {} of them.", "It is heard {} times."),
    "video/direction": ("The direction of the movement is {}.", "It goes {} all the time.", "I see it move {}."),
    "video/what": ("What moves is a {}.", "A {} is on its way.", "I see how a {} moves."),
    "video/beeps": ("The colour that beeps is {}.", "Of what beeps the colour is {}.", "I would say that it is {}."),
}
"""Three forms of the answer to each kind of question. Which one is given follows from the words of the question, as it
does where people answer: so two sentences to the same question differ only where the answers do."""
RUN, CONTROL = "free-form", "free-form-shuffled"
ACCURATE = PREFERRED = 0.95
BLIND, TOLERANCE = 0.50, 0.03


def as_sentences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same conversations with the answer in a sentence and no choices, where the kind has such a sentence."""
    return [_as_sentence(row) if row.get("kind") in SENTENCES else row for row in rows]


def _as_sentence(row: dict[str, Any]) -> dict[str, Any]:
    *before, answer = row["messages"]
    kind = row["kind"]
    form = PHRASINGS[kind].index(before[-1]["content"]) % len(SENTENCES[kind])
    sentence = {**answer, "content": SENTENCES[kind][form].format(answer["content"])}
    return {**{key: value for key, value in row.items() if key != "choices"}, "messages": [*before, sentence]}


def write_conversations(workspace: Path) -> None:
    """`free-train.jsonl`, its shuffled twin and `free-heldout.jsonl`, beside the quickstart's own."""
    for name in ("train", "heldout"):
        write_jsonl(workspace / f"free-{name}.jsonl", as_sentences(read_jsonl(workspace / f"{name}.jsonl")))
    shuffle_answers(workspace / "free-train.jsonl", workspace / "free-shuffled.jsonl", seed=0)


def train_and_evaluate(workspace: Path, run: str, conversations: str) -> dict[str, Any]:
    """Build, train and evaluate with the commands that a user types; returns the figures."""
    dataset = f"dataset-{run}"
    sources = json.dumps([f"jsonl:{conversations}", "jsonl:free-heldout.jsonl"])
    lock, trained_on = workspace / dataset / "dataset.json", workspace / f"{dataset}-trained.json"
    macaw(workspace, "build-dataset", "--set", f"dataset.sources={sources}", "--out", dataset)
    finished = (workspace / "runs" / run / "summary.json").exists()
    if not trained_on.exists() or read_json(trained_on) != read_json(lock)["inputs"]:
        shutil.rmtree(workspace / "runs" / run, ignore_errors=True)  # of another dataset
        write_json(trained_on, read_json(lock)["inputs"])
        finished = False
    if not finished:
        macaw(workspace, "train", dataset, "--resume", "--set", f"training.name={run}")
    macaw(workspace, "evaluate", f"runs/{run}", "--data", dataset)
    return read_json(workspace / "runs" / run / "evaluation" / "figures.json")


def macaw(workspace: Path, *words: str) -> None:
    """One command of macaw in the workspace."""
    print("$ macaw", *words, file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "macaw_cli", *words], cwd=workspace, check=True, stdout=sys.stderr)


def compare(choices: dict[str, Any], free: dict[str, Any], control: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The table of the kinds in `SENTENCES`, and whether the check has passed.

    Args:
        choices: figures of the quickstart itself.
        free: figures of the run on sentences.
        control: figures of the run on shuffled sentences.
    """
    rows = {
        kind: {
            "accuracy": measured["real"],
            "preference": free["kinds"][kind]["preference"],
            "gap": free["kinds"][kind]["gap"],
            "control": control["kinds"][kind]["preference"],
        }
        for kind, measured in choices["kinds"].items()
        if kind in SENTENCES
    }
    missed = [kind for kind, row in rows.items() if row["accuracy"] >= ACCURATE and row["preference"] < PREFERRED]
    blind = control["overall"]["preference"]
    table = {"kinds": rows, "overall": free["overall"]["preference"], "control": blind, "missed": missed}
    return table, not missed and abs(blind - BLIND) <= TOLERANCE


def main() -> int:
    """Run the check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="folder of a finished quickstart")
    workspace = parser.parse_args().workspace
    choices = read_json(workspace / "runs/quickstart/evaluation/figures.json")
    write_conversations(workspace)
    free = train_and_evaluate(workspace, RUN, "free-train.jsonl")
    control = train_and_evaluate(workspace, CONTROL, "free-shuffled.jsonl")
    table, good = compare(choices, free, control)
    write_json(workspace / "free-form.json", table)
    print(json.dumps(table, indent=2))
    print("passed" if good else "failed: see `missed` and `control`")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
