"""Every call that writes, renames, removes, links or unpacks stands behind a door in basics, or is in a short list.

The doors refuse links, foreign folders and anything that is no file; see `working_files.py`, `atomic_files.py`,
`owned_folders.py` and `locks.py`. Whoever adds a call of these elsewhere uses a door, or says here why not.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "macaw_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))

DOORS = {
    "basics/atomic_files.py", "basics/locks.py", "basics/owned_folders.py", "basics/private_lines.py",
    "basics/regular_files.py",
    "basics/scratch_database.py", "basics/standard_streams.py", "basics/working_files.py",
}  # fmt: skip
ALWAYS = {
    "write_bytes", "unlink", "rmtree", "rmdir", "removedirs", "rename", "renames", "symlink_to", "hardlink_to",
    "symlink",
    "truncate", "ftruncate", "copyfile", "copy2", "copytree", "copyfileobj", "move", "mkdir", "makedirs", "touch",
    "extractall", "unpack_archive", "mkdtemp", "mkstemp", "TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile",
    "SpooledTemporaryFile", "savez", "savez_compressed", "savefig", "save_file", "save_pretrained", "chmod", "chown",
    "utime", "mkfifo", "mknod", "tofile", "to_csv", "memmap", "writelines_to", "sendfile", "pwrite", "fallocate",
}  # fmt: skip
"""Names of functions and methods that nothing but files has."""
OF_MODULES = {
    "os.open", "os.fdopen", "os.remove", "os.replace", "os.link", "os.write", "shutil.copy", "sqlite3.connect",
    "torch.save", "np.save", "numpy.save", "tarfile.open", "zipfile.ZipFile", "wave.open", "av.open",
}  # fmt: skip
WITH_MODE = {"os.fdopen", "tarfile.open", "zipfile.ZipFile", "wave.open", "av.open"}
DOOR_FUNCTIONS = {"write_text", "write_bytes"}
"""Called by their bare name they are those of `atomic_files`."""
READING = {"r", "rb", "r:", "r|", "rt"}

ALLOWED = {
    "in a new folder of the system's temporary folder, private to the process": [
        "export/proving/exchange.py TemporaryDirectory", "features/planning.py TemporaryDirectory",
        "dataset/build.py TemporaryDirectory",
        "features/precision.py TemporaryDirectory", "media/members.py TemporaryDirectory",
        "inspection/decoders.py TemporaryDirectory", "media/members.py TemporaryFile",
        "planning/stand_in_llm.py TemporaryDirectory", "media/decoder_client.py mkdtemp",
        "inference/media_sources.py TemporaryDirectory", "inference/media_sources.py open",
        "training/steps/deepspeed_setup.py mkdtemp", "quickstart/pretraining/samples.py TemporaryDirectory",
        "export/proving/exchange.py savez", "inspection/decoders.py wave.open", "media/decoder_client.py rmtree",
        "media/members.py symlink_to", "media/members.py open", "training/steps/deepspeed_setup.py rmtree",
        "planning/stand_in_llm.py write_text", "planning/stand_in_llm.py save_pretrained",
        "serving/media/held_content.py NamedTemporaryFile", "evaluation/tasks/running/run.py TemporaryDirectory",
        "inference/given_media.py TemporaryDirectory",
    ],
    "under a random name in one of macaw's own folders": [
        "training/launching/own_launcher.py TemporaryDirectory", "inspection/machine.py NamedTemporaryFile",
    ],
    "in what atomic_path has made": [
        "dataset/build.py open", "dataset/build.py copyfileobj", "dataset/rejects_log.py open",
        "dataset/rejects_log.py copyfileobj", "dataset/shard_work.py open",
        "dataset/generation/folder.py open", "reports/page.py open",
        "evaluation/presentation.py savefig", "inspection/dataset_text.py open",
    ],
    "in what working_folder has made": [
        "training/data/token_cache.py np.save", "model/folder.py save_pretrained",
        "model/saved_config.py save_pretrained",
        "model/processing.py save_pretrained", "training/tuning/adapters.py mkdir",
        "training/tuning/adapters.py save_file", "training/tuning/adapters.py save_pretrained",
        "export/carried_experts.py copyfile",
        "export/run.py chmod", "export/run.py rename", "export/formats/hf.py rename", "export/formats/hf.py rmdir",
        "export/formats/llm.py save_pretrained", "export/formats/onnx.py save_file",
        "export/formats/stock/stock_format.py save_pretrained",
    ],
    "under a working name": [
        "features/output/working_copy.py copyfile",
    ],
    "a file that open_own has opened": [
        "shards/hashing_file.py truncate",
    ],
    "in the run's own checkpoints, where remove_unfinished refuses links of these names": [
        "training/checkpoints/saving.py rename",
    ],
    "the folder that a user names, which may be a link to one": [
        "features/hash_cache.py mkdir", "shards/tar_writer.py mkdir", "basics/remote_transfer.py mkdir",
        "shards/remote_store.py mkdir", "training/run_folder.py mkdir",
        "dataset/generation/folder.py mkdir",
    ],
    "after require_replaceable": [
        "features/hash_cache.py sqlite3.connect", "dataset/generation/ledger.py sqlite3.connect",
    ],
    "fails where there is anything": [
        "features/remote/fetching.py os.link",
    ],
    "the null device": [
        "features/engines/ray_cluster.py os.open", "training/steps/deepspeed_setup.py os.open",
    ],
    "reads": [
        "shards/positioned_reads.py os.open",
    ],
    "a pipe": [
        "features/engines/worker_process.py os.fdopen", "media/decoder_process.py os.fdopen",
    ],
    "memory": [
        "inference/prompt_embeds.py torch.save", "media/members.py os.fdopen",
        "serving/media/held_content.py os.fdopen",
        "shards/tar_writer.py np.save", "dataset/generation/shown_media.py wave.open",
        "inspection/dataset_media.py wave.open",
    ],
    "a file of the kernel": [
        "planning/peak_memory.py write_text",
    ],
    "a new file of the quickstart's own media folder": [
        "quickstart/videos.py av.open",
    ],
    "run by developers only": [
        "quickstart/pretraining/clip.py save_pretrained", "quickstart/pretraining/llama.py save_pretrained",
        "quickstart/pretraining/whisper.py save_pretrained",
    ],
}  # fmt: skip
"""Reason to files with the calls that are fine there."""
EXCEPTIONS = {place for places in ALLOWED.values() for place in places}


def calls(tree):
    """Every call that may change files, as the name by which the lists know it, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "shutil"):
            yield from ((name.name, node.lineno) for name in node.names if name.name in ALWAYS)
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        if name in OF_MODULES:
            if name not in WITH_MODE or not reads(node, mode_at=1):
                yield name, node.lineno
        elif name.startswith(("tarfile.", "Image.")) or name.endswith("filesystem.open") or (name in DOOR_FUNCTIONS):
            continue
        elif last in ALWAYS or last == "write_text":
            yield last, node.lineno
        elif last == "open" and not reads(node, mode_at=1 if name == "open" else 0):
            yield "open", node.lineno
        elif last == "replace" and isinstance(node.func, ast.Attribute) and len(node.args) == 1 and not node.keywords:
            yield "replace", node.lineno  # of a path; that of a text has two arguments


def reads(node, mode_at):
    """Whether an `open` is for reading: its mode says so, or it has none."""
    given = [word.value for word in node.keywords if word.arg == "mode"] or node.args[mode_at : mode_at + 1]
    if not given:
        return not node.args[mode_at:]
    return isinstance(given[0], ast.Constant) and given[0].value in READING


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def test_nothing_changes_files_outside_the_doors():
    found = [
        f"{name_of(path)}:{line} {what}"
        for path in SOURCES
        for what, line in calls(ast.parse(path.read_text()))
        if name_of(path) not in DOORS and f"{name_of(path)} {what}" not in EXCEPTIONS
    ]
    assert found == [], "use write_*, atomic_path, open_own, take_place, remove_* or make_folder of macaw_cli/basics"


def test_every_exception_still_exists():
    there = {f"{name_of(path)} {what}" for path in SOURCES for what, _ in calls(ast.parse(path.read_text()))}
    assert EXCEPTIONS - there == set()


@pytest.mark.parametrize("code", [
    "open('a', 'w')", "open('a', mode)", "open(a, mode='ab')", "path.open('w')", "path.open(mode='r+b')",
    "path.unlink()", "os.remove(a)", "os.replace(a, b)", "path.replace(target)", "path.rename(b)", "shutil.rmtree(a)",
    "shutil.move(a, b)", "path.write_text('a')", "path.write_bytes(b'')", "path.mkdir()", "os.makedirs(a)",
    "path.touch()", "os.link(a, b)", "path.symlink_to(a)", "tar.extractall()", "np.save(a, b)",
    "torch.save(a, b)", "save_file(a, b)", "figure.savefig(a)", "model.save_pretrained(a)", "tempfile.mkdtemp()",
    "os.open(a, flags)", "sqlite3.connect(a)", "av.open(a, 'w')",
    "tarfile.open(a, 'w')", "from shutil import rmtree", "from os import unlink, rename", "path.chmod(0)",
])  # fmt: skip
def test_the_audit_sees_every_way_to_change_a_file(code):
    assert list(calls(ast.parse(code)))


@pytest.mark.parametrize("code", [
    "open('a')", "open('a', 'rb')", "path.open()", "path.open('rb')", "text.replace('a', 'b')",
    "replace(settings, a=1)", "Image.open(a)", "tarfile.open(a, 'r:')", "av.open(a)", "write_text(a, b)",
    "items.remove(a)", "copy.copy(a)",
])  # fmt: skip
def test_the_audit_leaves_reading_alone(code):
    assert not list(calls(ast.parse(code)))
