"""A workspace of macaw, used as a user does: every step is a command of the CLI in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MACAW = (sys.executable, "-m", "macaw_cli")
BRIDGES = {
    "frame-stack": [],  # the preset's own
    "macaw": ["bridge.audio={name: macaw}"],
    "mlp": ["bridge.audio={name: mlp, norm: true}"],
    "linear": ["bridge.audio={name: linear, norm: true}"],
}
"""Bridge of audio to the settings that choose it."""


@dataclass(frozen=True)
class Workspace:
    """A folder with a `macaw.yaml`.

    Args:
        folder: the workspace.
        models: folder of the LLM and the encoder.
        world: folder of the sounds.
        rows: conversations in macaw's own format.
    """

    folder: Path
    models: Path
    world: Path
    rows: Path

    def prepare(self) -> None:
        """Write `macaw.yaml`, extract features and build the dataset, whatever of it does not exist."""
        if not (self.folder / "macaw.yaml").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            settings = {
                "llm": self._seen(self.models / "smollm2"),
                "features.audio_encoder.model": self._seen(self.models / "whisper-tiny.en"),
                "features.sources": [self._seen(self.world / "wav")],
                "dataset.sources": [f"jsonl:{self._seen(self.rows)}"],
            }
            words = [word for key, value in settings.items() for word in ("--set", f"{key}={_text(value)}")]
            self.show("init", "init", "--preset", "small", *words)
        if not (self.folder / "dataset" / "dataset.json").exists():
            self.show("extract-features", "extract-features")
            self.show("build-dataset", "build-dataset")

    def train(self, bridge: str, seed: int, epochs: int | None, max_steps: int | None) -> str:
        """Train one bridge, or continue, unless it is trained; returns the run as the workspace names it."""
        run = f"{bridge}-{seed}"
        settings = [*BRIDGES[bridge], *([f"seed={seed}"] if seed else []), *self._stages(epochs)]
        words = [word for setting in settings for word in ("--set", setting)]
        words += ["--max-steps", str(max_steps)] if max_steps else []
        if not (self.folder / "runs" / run / "summary.json").exists():
            self.show(f"train-{run}", "train", "--run", run, "--resume", *words)
        return f"runs/{run}"

    def evaluate(self, run: str) -> dict[str, Any]:
        """The figures of `macaw evaluate --json`."""
        figures = self.folder / run / "evaluation" / "figures.json"
        return json.loads(figures.read_text()) if figures.exists() else self.answer("evaluate", run, "--json")

    def trained(self, run: str) -> dict[str, Any]:
        """What the run's log says: the loss over the examples seen, and how long its steps took."""
        rows = [json.loads(line) for line in (self.folder / run / "metrics.jsonl").read_text().splitlines()]
        summary = json.loads((self.folder / run / "summary.json").read_text())
        return training_record([row for row in rows if "loss" in row]) | {"total_s": summary["seconds"]}

    def show(self, name: str, *command: str) -> None:
        """Run a command, and keep what it prints in `transcripts/<name>.txt`; it must succeed."""
        print(f"$ {_typed(command)}", file=sys.stderr, flush=True)
        process = subprocess.Popen(
            [*MACAW, *command], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        lines = [f"$ {_typed(command)}\n"]
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
        if process.wait():
            sys.exit(f"{_typed(command)} ended with exit code {process.returncode}.")
        transcripts = self.folder / "transcripts"
        transcripts.mkdir(exist_ok=True)
        (transcripts / f"{name}.txt").write_text(self._portable("".join(lines)))

    def answer(self, *command: str) -> dict[str, Any]:
        """The one JSON object that a command with `--json` prints; it must succeed."""
        print(f"$ {_typed(command)}", file=sys.stderr, flush=True)
        done = subprocess.run([*MACAW, *command], cwd=self.folder, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"{_typed(command)} ended with exit code {done.returncode}:\n{done.stdout}")
        return json.loads(done.stdout)

    def sound(self, row: Mapping[str, Any]) -> str:
        """The sound of a row as the workspace sees it."""
        return self._seen(self.world / row["audio"][0])

    def transcripts(self) -> dict[str, str]:
        """What the commands printed, by name."""
        return {file.stem: file.read_text() for file in sorted((self.folder / "transcripts").glob("*.txt"))}

    def _seen(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)

    def _portable(self, text: str) -> str:
        """The text without paths of this machine: models and sounds lie beside the workspace, wherever they are."""
        beside = {str(self.folder): ".", self._seen(self.models): "../models", self._seen(self.world): "../world"}
        for path, name in {**beside, str(self.folder.parent): ".."}.items():
            text = text.replace(path, name)
        return text

    def _stages(self, epochs: int | None) -> list[str]:
        if epochs is None:
            return []
        stages = yaml.safe_load((self.folder / "macaw.yaml").read_text())["training"]["stages"]
        return [f"training.stages={json.dumps(with_epochs(stages, epochs))}"]


def with_epochs(stages: list[dict[str, Any]], epochs: int) -> list[dict[str, Any]]:
    """The stages with another number of epochs in all: the later ones keep theirs, the first one has the rest."""
    first = epochs - sum(stage["epochs"] for stage in stages[1:])
    if first < 1:
        least = epochs + 1 - first
        sys.exit(f"--epochs {epochs} leaves none for the first of {len(stages)} stages. Use {least} or more.")
    return [{**stages[0], "epochs": first}, *stages[1:]]


def training_record(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of metrics.jsonl as one record.

    Args:
        rows: those with a loss; each is about the steps since the row before.

    Returns:
        `curve` of (examples seen, mean loss), `steps`, and `train_s`, the seconds of all steps without validations.
    """
    examples, curve = 0, []
    for row in rows:
        examples += row["examples"]
        curve.append((examples, row["loss"]))
    return {
        "curve": curve,
        "steps": rows[-1]["step"],
        "train_s": round(sum(sum(row["seconds"].values()) for row in rows), 1),
    }


def timed_run(command: list[str], result: Path) -> dict[str, Any]:
    """Run a command that prints one JSON object, which is kept in `result`; one that is there is not computed again."""
    if not result.exists():
        print(f"$ {' '.join(command)}", file=sys.stderr, flush=True)
        began = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command[1]} ended with exit code {done.returncode}.")
        found = json.loads(done.stdout) | {"total_s": round(time.monotonic() - began, 1)}
        result.write_text(json.dumps(found))
    return json.loads(result.read_text())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _typed(command: tuple[str, ...]) -> str:
    quoted = [f"'{word}'" if set(word) & set(" {}[]\"?") else word for word in command]
    return " ".join(("macaw", *quoted))
