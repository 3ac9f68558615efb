"""Datasets and runs: what `build-dataset` and `train` write, and read again."""

import json

import numpy as np
from compared_runs import write_compared_run
from fake_store import make_store, question, write_rows
from formats import Format, clear
from written_run import write_run

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.run_files import metrics_rows
from macaw_cli.config.settings import Settings
from macaw_cli.config.tasks.pope import PopeSettings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.figures.answers import asked_of, read_answers, read_figures
from macaw_cli.evaluation.figures.remedies import circumstances_of
from macaw_cli.evaluation.figures.verdict import verdicts
from macaw_cli.evaluation.run import stages_of
from macaw_cli.evaluation.tasks.item import Item, user_turn
from macaw_cli.evaluation.tasks.running.conditions import Asked
from macaw_cli.evaluation.tasks.running.kept_answers import KeptAnswers
from macaw_cli.inspection.dataset_verification import verify_dataset
from macaw_cli.inspection.datasets import describe_dataset
from macaw_cli.inspection.run_comparison import compare_runs
from macaw_cli.inspection.runs import describe_run
from macaw_cli.reports.run_page import write_run_page
from macaw_cli.reports.run_record import read_run
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.checkpoints.folder import newest_progress, read_progress
from macaw_cli.training.checkpoints.resume_checks import require_same_settings
from macaw_cli.training.data.token_cache import cached, keep
from macaw_cli.training.data.tokenised import TokenisedConversations
from macaw_cli.training.job import read_summary
from macaw_cli.training.reporting.metrics import MetricsLog
from macaw_cli.training.reporting.tracker_runs import remembered
from macaw_cli.training.run_folder import RunFolder, read_identity

MEDIA = ("a/1.png", "a/2.png")
TREE = {"dataset": {"sources": ["jsonl:c.jsonl"], "val_fraction": 0.3}}




def a_dataset(folder):
    make_store(folder / "features", image=MEDIA, video=["c/1.mp4"])
    rows = [question(name) for name in MEDIA] + [question("c/1.mp4", "video", choices=["It is c/1.mp4.", "no"])]
    rows += [{"id": f"t{n}", "messages": question("x")["messages"]} for n in range(3)]
    write_rows(folder / "c.jsonl", rows)
    build_again(folder)


def build_again(folder):
    build_dataset(Workspace(folder, parse_settings(TREE, "test")))


def a_begun_dataset(folder):
    """As a kill leaves it: nothing is published yet."""
    a_dataset(folder)
    dataset = folder / "dataset"
    work = dataset / ".building" / json.loads((dataset / "dataset.json").read_text())["inputs"]
    work.mkdir(parents=True)
    (work.parent / "building.json").write_text('{"format_version": 1}')
    journal = []
    for file in sorted(dataset.glob("*-000000.tar")):
        entry = {"name": file.name, "bytes": file.stat().st_size, "sha256": "ab" * 32, "samples": 1, "conversations": 1}
        journal += [entry]
        file.rename(work / file.name)
    write_rows(work / "journal.jsonl", journal)
    (work.parent / "publishing.json").write_text('{"format_version": 1, "own": ["train-000000.tar"]}')
    (dataset / "dataset.json").unlink()
    (dataset / "index.jsonl").unlink()


def read_dataset(folder):
    dataset = TrainingDataset(with_true_sizes(folder / "dataset"))
    for split in ("train", "val"):
        for row in dataset.conversations(split):
            dataset.messages(row)
            for ref in row.media:
                dataset.features(ref)
                dataset.null_features(ref.modality)


def with_true_sizes(folder):
    """As somebody would leave it who changes it on purpose: the lock file agrees with the files."""
    try:
        lock = json.loads((folder / "dataset.json").read_text())
        for file in [lock["index"], *lock["shards"]]:
            file["bytes"] = (folder / file["name"]).stat().st_size
        (folder / "dataset.json").write_text(json.dumps(lock))
    except (ValueError, LookupError, TypeError, OSError, RecursionError):
        pass
    return folder


def inspect_dataset(folder):
    describe_dataset(with_true_sizes(folder / "dataset"))
    list(verify_dataset(folder / "dataset"))


def a_run(folder):
    write_run(folder / "run", free=True)
    write_run(folder / "other")
    run = RunFolder(folder / "run")
    step = run.checkpoints / "step-00000010"
    step.mkdir(parents=True)
    (step / "part.pt").write_bytes(b"12345")
    progress = {"step": 10, "plan": "ab", "world_size": 1, "meter": {"loss": 1.0}, "best": {"loss": None, "step": 0}}
    (step / "progress.json").write_text(json.dumps({"version": 1, "progress": progress, "files": {"part.pt": 5}}))
    (run.path / "trackers.json").write_text('{"wandb": "abc"}')


def inspect_run(folder):
    describe_run(folder / "run").show()
    compare_runs([folder / "run", folder / "other"], as_json=False)
    rows = list(metrics_rows(folder / "run" / "metrics.jsonl"))
    known = circumstances_of(rows, {"image": 3}, {}, stages_of(folder / "run"))
    for row in rows:
        verdicts(row.get("validation") or {}, known)
        verdicts((row.get("validation") or {}).get("reliance") or {}, known)


def draw_run(folder):
    write_run_page(read_run(folder / "run"), folder / "page.html")


def read_rest_of_run(folder):
    run = RunFolder(folder / "run")
    for read in (read_identity, read_summary):
        clear(lambda read=read: read(run))
    clear(lambda: remembered(run.path, "wandb"))
    clear(lambda: read_progress(run.checkpoints / "step-00000010"))
    clear(lambda: newest_progress(run.checkpoints))
    clear(lambda: require_same_settings(run, Settings()))
    clear(lambda: MetricsLog(run, 10).close())


def an_evaluated_run(folder):
    write_compared_run(folder / "run")


def read_evaluation(folder):
    for read in (read_answers, asked_of, read_figures):
        clear(lambda read=read: read(folder / "run"))


def an_interrupted_task(folder):
    rows = [{"asked": f"{at:032}", "text": "yes", "likelihoods": [-0.5, -1.5]} for at in range(2)]
    (folder / "model").mkdir()
    (folder / "unfinished.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def go_on_with_task(folder):
    item = Item(id="1", messages=user_turn("?"))
    with KeptAnswers(folder, folder / "model", PopeSettings(), folder) as kept:
        kept.find([item], [Asked(0, "real", ())])
        kept.keep([Asked(0, "real", ())], ("no", (-1.0,)))


def some_tokens(folder):
    numbers = np.arange(2)
    tokens = TokenisedConversations(
        numbers, np.array([3, 5]), np.array([1, 1]), np.zeros((2, 3), np.int64), np.arange(5, dtype=np.int32),
        np.ones(5, bool), 0,
    )  # fmt: skip
    keep(tokens, folder, "ab", "train")


def read_tokens(folder):
    tokens = cached(folder, "ab", "train")
    for number in range(len(tokens or ())):
        tokens.conversation(number)


_STEP = "run/checkpoints/step-00000010/progress.json"
_ARRAYS = ("numbers", "ends", "supervised_counts", "media_counts", "input_ids", "supervised")
FORMATS = {
    "dataset, read": Format(
        a_dataset, ["dataset/dataset.json", "dataset/index.jsonl", "dataset/train-000000.tar"], read_dataset),
    "dataset, inspected": Format(a_dataset, ["dataset/dataset.json", "dataset/index.jsonl"], inspect_dataset),
    "dataset, built again": Format(a_dataset, ["dataset/dataset.json"], build_again, 0.5),
    "dataset, begun": Format(a_begun_dataset, [
        "dataset/.building/*/journal.jsonl", "dataset/.building/publishing.json", "dataset/.building/building.json"
    ], build_again, 0.5),
    "run, inspected": Format(
        a_run, [f"run/{name}" for name in ("metrics.jsonl", "summary.json", "versions.json", "settings.yaml")],
        inspect_run),
    "run, drawn": Format(a_run, ["run/metrics.jsonl", "run/summary.json"], draw_run, 0.05),
    "run, continued": Format(
        a_run, [_STEP, *(f"run/{name}" for name in (
            "summary.json", "versions.json", "trackers.json", "settings.yaml", "metrics.jsonl"))], read_rest_of_run),
    "run, evaluated": Format(
        an_evaluated_run, ["run/evaluation/answers.jsonl", "run/evaluation/figures.json"], read_evaluation),
    "task, continued": Format(an_interrupted_task, ["unfinished.jsonl"], go_on_with_task),
    "token cache": Format(
        some_tokens, ["ab-train/tokens.json", *(f"ab-train/{name}.npy" for name in _ARRAYS)], read_tokens),
}  # fmt: skip
