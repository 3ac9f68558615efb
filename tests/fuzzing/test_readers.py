"""Every reader on files that were cut, changed or written on purpose: one clear error or a result, never anything else.

One table of formats: how a good one is made, which of its files are changed, and what reads them.
"""

import functools
import io
import json
import shutil
import struct
import tarfile

import numpy as np
import pytest
from fake_store import make_store, question, write_rows
from hypothesis import HealthCheck, Phase, given, settings
from mutations import mutated, mutation
from written_run import write_run

from macaw_cli.basics import console
from macaw_cli.basics.errors import MacawError
from macaw_cli.config.loading import Workspace, open_workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.dataset.sources import load_source, parse_sources
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Journal
from macaw_cli.features.partial_shards import BatchEnd, PartialJob, kept_keys, retry_partial
from macaw_cli.features.sources.manifests import manifest_rows
from macaw_cli.features.sources.tar_members import members_of
from macaw_cli.features.store_files import StoreFiles
from macaw_cli.inspection.datasets import describe_dataset, verify_dataset
from macaw_cli.inspection.feature_stores import describe_feature_store
from macaw_cli.inspection.feature_verification import verify_feature_store
from macaw_cli.inspection.media_lookup import MediaPlaces
from macaw_cli.inspection.models import describe_model, verify_model
from macaw_cli.inspection.run_comparison import compare_runs
from macaw_cli.inspection.runs import describe_run
from macaw_cli.shards.damage_note import damaged_shards, note_damage
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.remote_store import read_record, write_record
from macaw_cli.shards.tar_reader import parse_npy
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.checkpoints.folder import newest_progress, read_progress
from macaw_cli.training.job import read_summary
from macaw_cli.training.reporting.tracker_runs import remembered
from macaw_cli.training.run_folder import RunFolder, read_identity

MEDIA = ("a/1.png", "a/2.png")


# ---- feature stores


def a_store(folder):
    make_store(folder, image=MEDIA, audio=["b/1.wav"], video=["c/1.mp4"])
    row = {"path": "bad.png", "modality": "image", "key": None, "reason": "It is no image."}
    (folder / "rejects.jsonl").write_text(json.dumps(row) + "\n")
    note_damage(folder, {"image-000000.tar": "it was changed"})
    write_record(folder, "", {"image-000000.tar": "1"}, sizes={"image-000000.tar": 10240})
    item = Item("ab" * 16, "image", "cd" * 32, 10, "a/1.png", names=["a/1.png"])
    Journal(folder).add("image", ("image",), [item], 4)
    end = BatchEnd(1, "ef" * 32, {"image": 0}, {"image": 1}, 1)
    begun = {"path": "a/9.png", "key": "ab" * 16, "modality": "", "shard": "", "offset": 0, "bytes": 0, "shape": [4, 8],
             "dtype": "float16", "meta": {}}  # fmt: skip
    PartialJob(4, {"image": "image-000001.tar"}, {"image": "ab" * 8}, [end], {"image": [begun]}, [row]).save(folder)


def read_store(folder):
    store = FeatureStore(folder, check_sizes=False)
    for row in [*store.rows(), *filter(None, map(store.null_row, ("image", "audio", "video")))]:
        store.find(row.path, row.modality)
        store.why_missing(row.path[-5:], row.modality)
        store.copies(row)
        store.about(row)
        store.read(row)


def inspect_store(folder):
    describe_feature_store(folder)
    list(verify_feature_store(folder))


def write_to_store(folder):
    StoreFiles(folder, {"image": {"model": "tiny-clip", "layer": -1}}).tidy()


# ---- datasets


def a_dataset(folder):
    make_store(folder / "features", image=MEDIA, video=["c/1.mp4"])
    rows = [question(name) for name in MEDIA] + [question("c/1.mp4", "video", choices=["It is c/1.mp4.", "no"])]
    rows += [{"id": f"t{n}", "messages": question("x")["messages"]} for n in range(3)]
    write_rows(folder / "c.jsonl", rows)
    tree = {"dataset": {"sources": ["jsonl:c.jsonl"], "val_fraction": 0.3}}
    build_dataset(Workspace(folder, parse_settings(tree, "test")))


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


# ---- runs


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
    compare_runs([str(folder / "run"), str(folder / "other")], as_json=False)


def read_rest_of_run(folder):
    run = RunFolder(folder / "run")
    for read in (read_identity, read_summary):
        clear(lambda read=read: read(run))
    clear(lambda: remembered(run.path, "wandb"))
    clear(lambda: read_progress(run.checkpoints / "step-00000010"))
    newest_progress(run.checkpoints)


# ---- models


def a_model(folder):
    config = {"model_type": "macaw", "format_version": 2, "bridge": {"name": "mlp", "layers": 2},
              "views": {"image": {"pool": 2, "trim": True}}, "text_config": {"model_type": "llama", "hidden_size": 8},
              "feature_shapes": {"image": [4, 8]}, "encoders": {"image": {"model": "clip"}},
              "fingerprints": {"image": {"model": "clip"}}}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({"bridges.image.w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    proof = {"largest_difference": 1e-7, "limit": 1e-5}
    report = {"macaw": "0.1.0", "proof": proof, "files": {"config.json": "ab" * 32}}
    (folder / "macaw_export.json").write_text(json.dumps(report))


def inspect_model(folder):
    describe_model(folder).show()
    list(verify_model(folder))


# ---- what users bring


def annotations(folder):
    talk = question("a/1.png")["messages"]
    rows = [question("a/1.png", choices=["It is a/1.png.", "b"], tags=["x"], split="val"),
            {"id": 3, "image": "a.png", "messages": [{"role": "system", "content": "s"}, *talk]},
            {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "q"}]}, talk[1]],
             "image": ["a.png"]}]  # fmt: skip
    write_rows(folder / "c.jsonl", rows)
    turns = [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}]
    (folder / "llava.json").write_text(json.dumps([{"id": "1", "image": "a.jpg", "conversations": turns}] * 2))
    alpaca = [{"instruction": "i", "input": "x", "output": "o"}, {"id": "a.jpg", "instruction": "i", "response": "r"}]
    (folder / "alpaca.json").write_text(json.dumps({"data": alpaca}))


def read_annotations(folder):
    for source in ("jsonl:c.jsonl", "llava:llava.json", "alpaca:alpaca.json"):
        clear(lambda source=source: load_source(
            parse_sources([source], Workspace(folder, parse_settings({}, "test")))[0], 0))  # fmt: skip


def a_manifest(folder):
    rows = [{"path": "a.mp4", "start": 1, "end": 2.5}, {"path": "s3://b/c.png"}]
    write_rows(folder / "m.jsonl", rows)


def read_manifest(folder):
    with (folder / "m.jsonl").open("rb") as content:
        list(manifest_rows(content, "m.jsonl"))


def a_tar(folder):
    for name, form in (("u.tar", tarfile.USTAR_FORMAT), ("g.tar", tarfile.GNU_FORMAT), ("p.tar", tarfile.PAX_FORMAT)):
        with tarfile.open(folder / name, "w", format=form) as tar:
            for file in ("a.png", "b" * 150 + "/c.jpg" if form != tarfile.USTAR_FORMAT else "c.jpg", "x.txt"):
                member = tarfile.TarInfo(file)
                member.size = 700
                tar.addfile(member, io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(692)))


def read_tar(folder):
    for file in folder.glob("*.tar"):
        with file.open("rb") as tar:
            for number, _ in enumerate(members_of(tar, file.stat().st_size)):
                assert number < 1000, "it goes round in circles"


def an_array(folder):
    np.save(folder / "a.npy", np.zeros((2, 3), np.float16))


def read_array(folder):
    parse_npy((folder / "a.npy").read_bytes(), "a.npy")


def a_configuration(folder):
    (folder / "macaw.yaml").write_text(
        "version: 1\nseed: 3\nllm: models/llm\nbridge: {image: mlp, audio: {name: macaw}}\n"
        "dataset: {sources: ['jsonl:c.jsonl'], val_fraction: 0.1}\ntraining: {stages: [{name: a, train: bridge}]}\n"
    )


def read_configuration(folder):
    open_workspace(folder)


FORMATS = {
    "feature store, read": (a_store, ["store.json", "manifest.jsonl", "image-000000.tar"], read_store),
    "feature store, inspected": (a_store, ["store.json", "manifest.jsonl", "rejects.jsonl"], inspect_store),
    "feature store, written to": (
        a_store, ["store.json", "manifest.jsonl", "rejects.jsonl", "damaged.json"], write_to_store),
    "journal": (a_store, ["journal.jsonl"], lambda folder: (
        list(Journal(folder).read()), MediaPlaces(folder, ["ab" * 16]).find("a.png", "ab" * 16))),
    "journal, looked up": (a_store, ["journal.jsonl"], lambda folder: MediaPlaces(folder, ["ab" * 16])),
    "unfinished shard": (a_store, ["image-000001.partial.json"], lambda folder: (
        kept_keys(folder), retry_partial(folder))),
    "note of damage": (a_store, ["damaged.json"], damaged_shards),
    "record of a remote store": (a_store, [".remote.json"], read_record),
    "dataset, read": (
        a_dataset, ["dataset/dataset.json", "dataset/index.jsonl", "dataset/train-000000.tar"], read_dataset),
    "dataset, inspected": (a_dataset, ["dataset/dataset.json", "dataset/index.jsonl"], inspect_dataset),
    "run, inspected": (a_run, ["run/metrics.jsonl", "run/summary.json", "run/versions.json", "run/settings.yaml"],
                       inspect_run),
    "run, continued": (a_run, ["run/checkpoints/step-00000010/progress.json", "run/summary.json", "run/versions.json",
                               "run/trackers.json"], read_rest_of_run),
    "model": (a_model, ["config.json", "model.safetensors", "macaw_export.json"], inspect_model),
    "annotations": (annotations, ["c.jsonl", "llava.json", "alpaca.json"], read_annotations),
    "manifest of sources": (a_manifest, ["m.jsonl"], read_manifest),
    "tar of media": (a_tar, ["u.tar", "g.tar", "p.tar"], read_tar),
    "array": (an_array, ["a.npy"], read_array),
    "configuration": (a_configuration, ["macaw.yaml"], read_configuration),
}  # fmt: skip


def clear(read):
    """Run it; one of the errors that a user is told is as good as a result."""
    try:
        return read()
    except MacawError as error:
        assert error.problem and len(error.problem) < 20_000
        return None


def fuzz(name, folder, examples):
    make, files, read = FORMATS[name]
    good = folder / "good"
    good.mkdir()
    make(good)
    read(shutil.copytree(good, folder / "same"))
    outside = folder / "outside.txt"
    outside.write_text("mine")

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(change=mutation)
    def one(change):
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(good, work)
        file = work / files[change[0][0] % len(files)]
        file.write_bytes(mutated(file.read_bytes(), change))
        clear(functools.partial(read, work))
        assert outside.read_text() == "mine" and sorted(path.name for path in folder.iterdir()) == known

    known = sorted(["good", "same", "outside.txt", "work"])
    one()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(console, "put", lambda text, *, to_stdout: None)


@pytest.mark.parametrize("name", FORMATS)
def test_a_few_changed_files_of_each_format_are_read_or_refused(name, tmp_path):
    fuzz(name, tmp_path, 150)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", FORMATS)
def test_thousands_of_changed_files_of_each_format_are_read_or_refused(name, tmp_path):
    fuzz(name, tmp_path, 2500)
