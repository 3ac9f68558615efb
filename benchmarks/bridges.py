"""Train every bridge on the same features for the same steps, and draw accuracy and reliance over the steps.

    macaw quickstart world && python benchmarks/bridges.py world --plot docs/images/bridges.png

Each run differs from the workspace's own settings only in the bridge; steps and tokens per step are the same, so
bridges with many soft tokens see fewer conversations. The figures are those of the validations of the training.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FORMS = {
    "macaw (default)": ["bridge.name=macaw", "bridge.variant=default"],
    "macaw (paper)": ["bridge.name=macaw", "bridge.variant=paper"],
    # one soft token per feature token: a video has 384 of them and 100 of its soundtrack
    "linear": ["bridge.name=linear", "training.max_length=640"],
    "mlp": ["bridge.name=mlp", "training.max_length=640"],
    "mlp with norms": ["bridge.name=mlp", "bridge.norm=true", "training.max_length=640"],
    "frame-stack": ["bridge.name=frame-stack", "training.max_length=640"],
}
COLOURS = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02"]


def train(workspace: Path, name: str, settings: list[str], every: int, questions: int) -> Path:
    """Train one form, or continue it; returns its metrics file."""
    run = f"bridges-{''.join(letter if letter.isalnum() else '-' for letter in name).strip('-')}"
    values = [*settings, f"training.name={run}", f"training.evaluate_every={every}"]
    values += [f"training.evaluate_examples={questions}", "training.checkpoint_every=100"]
    words = [word for value in values for word in ("--set", value)]
    subprocess.run([sys.executable, "-m", "macaw_cli", "train", "--resume", *words], cwd=workspace, check=True)
    return workspace / "runs" / run / "metrics.jsonl"


def curve(metrics: Path) -> list[tuple[int, dict[str, Any]]]:
    """(step, validation) of every validation in the file."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    return [(row["step"], row["validation"]) for row in rows if "validation" in row]


def draw(curves: dict[str, list[tuple[int, dict[str, Any]]]], plot: Path) -> None:
    """One column per modality: accuracy above, reliance below."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(10, 5.5), sharex=True, sharey=True, layout="constrained")
    for column, modality in enumerate(("image", "audio", "video")):
        for (name, points), colour in zip(curves.items(), COLOURS, strict=True):
            steps = [step for step, _ in points]
            for row, (figure_name, label) in enumerate((("real", "accuracy"), ("reliance", "reliance"))):
                values = [validation["modalities"][modality][figure_name] for _, validation in points]
                axes[row, column].plot(steps, values, color=colour, label=name)
                axes[row, 0].set_ylabel(label)
        axes[0, column].axhline(points[-1][1]["modalities"][modality]["chance"], color="black", linewidth=0.8)
        axes[0, column].set_title(modality)
        axes[1, column].set_xlabel("optimizer steps")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(FORMS), frameon=False)
    figure.savefig(plot, dpi=130)


def main() -> None:
    """Train, print the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--plot", type=Path, default=Path("bridges.png"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--questions", type=int, default=40, help="held-out questions per kind in each validation")
    parser.add_argument("--set", action="append", default=[], help="a setting for all runs")
    arguments = parser.parse_args()
    shared = [f"training.max_steps={arguments.steps}", "training.epochs=100", *arguments.set]
    curves = {
        name: curve(train(arguments.workspace, name, [*settings, *shared], arguments.every, arguments.questions))
        for name, settings in FORMS.items()
    }
    steps = sorted({step for points in curves.values() for step, _ in points})
    print("| form | " + " | ".join(str(step) for step in steps) + " |")
    print("|---" * (len(steps) + 1) + "|")
    for name, points in curves.items():
        cells = {step: f"{v['overall']['real']:.2f} / {v['overall']['reliance']:+.2f}" for step, v in points}
        print(f"| {name} | " + " | ".join(cells.get(step, "") for step in steps) + " |")
    draw(curves, arguments.plot)


if __name__ == "__main__":
    main()
