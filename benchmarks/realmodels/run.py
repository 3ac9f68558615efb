"""Real pretrained models on spoken words, from nothing to the answers, as a user types it, beside a plain loop.

    python benchmarks/realmodels/run.py work --rows word --bridges frame-stack,macaw --seeds 0,1,2

Makes the two models and the sounds (skipped where they are there), writes a workspace with `macaw init --preset small`
and nothing but paths set, runs every command, and the plain loop on the same features. Prints one JSON object; `work`
gets `results.json`, `results.md` and `results.png`. What is done is not done again: a run that was stopped goes on.
Take another folder for other epochs, steps or sounds.
`results.py` puts the results into docs/real-models.md.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from pretrained_models import make_models
from results import accuracy_table, cost_table, draw
from speech_world import HELD_OUT_SOUNDS, TRAINING_SOUNDS, make_world
from workspace import BRIDGES, Workspace, timed_run

HAND_LOOP = Path(__file__).with_name("hand_loop.py")
HAND_EPOCHS = 3
"""As many as the stages of the preset `small` have together."""


def selected_rows(world: Path, rows: str) -> list[dict[str, Any]]:
    """The training and held-out conversations.

    Args:
        world: folder of the speech world.
        rows: `word` takes those that ask which word is spoken, `all` takes all.
    """
    lines = [line for name in ("train", "heldout") for line in (world / f"{name}.jsonl").read_text().splitlines()]
    found = [json.loads(line) for line in lines]
    return [row for row in found if rows == "all" or row["kind"].startswith("word/")]


def run_macaw(workspace: Workspace, bridge: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate one bridge with one seed."""
    run = workspace.train(bridge, seed, options.epochs, options.max_steps)
    figures = workspace.evaluate(run)
    verdict = {"verdict": figures["verdict"]} if "verdict" in figures else {}
    record = {"system": f"macaw, bridge {bridge}", "seed": seed, "kinds": figures["kinds"], **verdict}
    return record | workspace.trained(run)


def run_hand_loop(workspace: Workspace, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate the plain loop with one seed."""
    command = [sys.executable, str(HAND_LOOP), "--llm", workspace.models / "smollm2", "--world", workspace.world]
    command += ["--features", workspace.folder / "features", "--rows", workspace.rows, "--seed", seed]
    command += ["--max-steps", options.max_steps] if options.max_steps else []
    command += ["--epochs", options.epochs or HAND_EPOCHS]
    found = timed_run(list(map(str, command)), workspace.folder / f"hand-loop-{seed}.json")
    return {"system": "plain loop", "seed": seed, "steps": len(found["curve"]), **found}


def ask(workspace: Workspace, run: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Chat about the first held-out sound of a known word."""
    row = next(row for row in rows if row["split"] == "val" and row["kind"] == "word/seen")
    asked = ["chat", run, "--audio", workspace.sound(row), "--prompt", row["messages"][0]["content"]]
    workspace.show("chat", *asked)
    answered = workspace.answer(*asked, "--json")
    return {"audio": row["audio"][0], "expected": row["messages"][1]["content"], "answer": answered["answer"]}


def run_all(options: argparse.Namespace) -> dict[str, Any]:
    """Everything; returns the results."""
    work, models = options.work.absolute(), options.models or options.work / "models"
    world = (options.world or work / "world").absolute()
    make_models(models, options.wheels)
    make_world(world, options.training_sounds, options.held_out_sounds)
    rows = selected_rows(world, options.rows)
    file = work / f"{options.rows}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    workspace = Workspace(work / f"workspace-{options.rows}", models.absolute(), world, file)
    workspace.prepare()
    records = [run_macaw(workspace, bridge, seed, options) for seed in options.seeds for bridge in options.bridges]
    first = f"runs/{options.bridges[0]}-{options.seeds[0]}"
    if "evaluate" not in workspace.transcripts():
        workspace.show("evaluate", "evaluate", first)
    answered = ask(workspace, first, rows)
    if not options.skip_hand_loop:
        records += [run_hand_loop(workspace, seed, options) for seed in options.seeds]
    transcripts = {name.removesuffix(f"-{first[5:]}"): text for name, text in workspace.transcripts().items()}
    return {
        "rows": options.rows,
        "training_rows": sum(row["split"] == "train" for row in rows),
        "machine": {"cores": os.cpu_count(), "system": platform.machine(), "python": platform.python_version()},
        "records": sorted(records, key=lambda record: list_of_systems(options).index(record["system"])),
        "chat": answered,
        "transcripts": transcripts,
    }


def list_of_systems(options: argparse.Namespace) -> list[str]:
    """Names of the systems in the order of the tables."""
    return [*(f"macaw, bridge {bridge}" for bridge in options.bridges), "plain loop"]


def options_of(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder of everything that is made")
    parser.add_argument("--rows", choices=("word", "all"), default="word", help="which questions")
    parser.add_argument("--bridges", type=_bridges, default=["frame-stack"], help=f"of {','.join(BRIDGES)}")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0])
    parser.add_argument("--epochs", type=int, help="all stages together; default: those of the preset")
    parser.add_argument("--max-steps", type=int, help="stop early, to try this program")
    parser.add_argument("--skip-hand-loop", action="store_true")
    parser.add_argument("--models", type=Path, help="default: models in the work folder")
    parser.add_argument("--wheels", type=Path, default=Path("wheels"), help="where packages are that are not installed")
    parser.add_argument("--world", type=Path, help="default: world in the work folder")
    parser.add_argument("--training-sounds", type=int, default=TRAINING_SOUNDS)
    parser.add_argument("--held-out-sounds", type=int, default=HELD_OUT_SOUNDS)
    return parser.parse_args(words)


def _bridges(text: str) -> list[str]:
    unknown = [name for name in text.split(",") if name not in BRIDGES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no bridge {', '.join(unknown)}; choose from {', '.join(BRIDGES)}")
    return text.split(",")


def main() -> None:
    """Run, write, print."""
    options = options_of()
    results = run_all(options)
    text = json.dumps(results, indent=1)
    (options.work / "results.json").write_text(text)
    (options.work / "results.md").write_text(f"{accuracy_table(results)}\n\n{cost_table(results)}\n")
    draw(results, options.work / "results.png")
    print(text)


if __name__ == "__main__":
    main()
