"""Real worker processes, on the CPU: what they make, and what is left when they or their parent are killed."""

import os
import re
import shutil
import signal

import pytest

from macaw_cli.config.loading import settings_yaml
from macaw_cli.features.engines.work_order import WorkOrder
from macaw_cli.features.engines.worker_engine import WorkerEngine
from macaw_cli.features.extract import extract

GPUS = ("--gpus", "2", "--set", "features.workers=2", "--set", "features.precision=fp32")
"""The workers stand in for GPUs on the CPU, so their precision has to be that of the CPU."""


def workers_of(descendants):
    return [pid for pid, command in descendants.items() if "worker_process" in command]


def test_two_workers_make_the_same_bytes_even_when_one_of_them_is_killed(
    workspace, pictures, contents, start, cpu_workers, wait_for, shards, below, is_running, tmp_path
):
    extract(workspace(), ["media/pictures"])
    alone = contents()
    shutil.rmtree(tmp_path / "features")
    process = start(cpu_workers, *GPUS)
    wait_for(lambda: shards() >= 2 and len(below(process.pid)) >= 4)  # two workers with a decoder each
    others = below(process.pid)
    first, _ = workers_of(others)
    os.kill(first, signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "was killed, probably because memory ran out; its jobs go to the other 1." in told
    assert contents() == alone
    wait_for(lambda: not any(map(is_running, others)), 10)


def test_a_killed_parent_leaves_nobody_behind_and_the_next_run_ends_with_the_same_bytes(
    workspace, pictures, contents, start, cpu_workers, wait_for, shards, below, is_running, tmp_path
):
    workspace()
    process = start(cpu_workers, *GPUS)
    wait_for(lambda: shards() >= 3)
    others = below(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not any(map(is_running, others)), 10)
    report = extract(workspace(), ["media/pictures"])
    assert 0 < report.made["image"] < 156
    again = contents()
    shutil.rmtree(tmp_path / "features")
    extract(workspace(), ["media/pictures"])
    assert contents() == again


def test_a_worker_that_cannot_start_leaves_none_of_the_others_behind(workspace, tmp_path, below, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # there is no eighth
    order = WorkOrder(str(tmp_path), settings_yaml(workspace().settings), str(tmp_path), "", ["image"], {}, 1)
    before = below(os.getpid())
    with pytest.raises(IndexError):
        WorkerEngine(order, ["cpu", "cuda:7"], 1).run(iter(()), print, print)
    assert not workers_of({pid: command for pid, command in below(os.getpid()).items() if pid not in before})


@pytest.mark.slow
def test_stopped_and_without_workers_the_work_ends_with_its_reason_and_keeps_what_is_done(
    workspace, pictures, contents, start, cpu_workers, wait_for, shards, below, is_running, tmp_path
):
    workspace()
    process = start(cpu_workers, *GPUS)
    wait_for(lambda: shards() >= 2)
    others = below(process.pid)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143 and "Stopped by SIGTERM" in told and "Traceback" not in told
    assert not any(map(is_running, others)) and not list((tmp_path / "features").glob("*.tmp"))
    for partial in (tmp_path / "features").glob("*.tar.partial"):  # what is left can be continued
        assert partial.with_name(partial.name.replace(".tar.partial", ".partial.json")).exists()

    process = start(cpu_workers, *GPUS)
    wait_for(lambda: len(workers_of(below(process.pid))) == 2)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told

    before = shards()
    process = start(cpu_workers, *GPUS)
    wait_for(lambda: shards() >= before + 2)
    for worker in workers_of(below(process.pid)):
        os.kill(worker, signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and "Everything finished before is kept" in told and "Traceback" not in told

    before = shards()
    process = start(cpu_workers, *GPUS)
    wait_for(lambda: shards() >= before + 2)
    others = below(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not any(map(is_running, others)), 10)
    extract(workspace(), ["media/pictures"])
    interrupted = contents()
    shutil.rmtree(tmp_path / "features")
    extract(workspace(), ["media/pictures"])
    assert contents() == interrupted


def test_an_error_of_a_worker_is_told_as_if_it_were_the_commands_own(
    workspace, pictures, start, cpu_workers, tmp_path
):
    workspace()
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "store.json").write_text('{"format_version": 1, "fingerprints": {}}')
    (tmp_path / "features" / "image-000001.tar.partial").symlink_to(tmp_path / "elsewhere")
    process = start(cpu_workers, *GPUS)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1 and "image-000001.tar.partial is a link" in told
    assert not (tmp_path / "elsewhere").exists()
    assert "Traceback" not in told


STOPPING = """
import os, sys, time

if "worker_process" in " ".join(sys.orig_argv):
    from macaw_cli.features.shard_rows import ShardsOfJob

    batch_done = ShardsOfJob.batch_done

    def stopping(rows, items):
        batch_done(rows, items)
        if len(rows._ends) == 2:
            try:
                told = os.open(os.environ["TOLD"], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                return
            os.write(told, b"%d\\n" % os.getpid())
            while not os.path.exists(os.environ["TOLD"] + "-and-signalled"):
                time.sleep(0.02)
            time.sleep(1)

    ShardsOfJob.batch_done = stopping
"""
"""A `sitecustomize.py`: the first worker that has two batches says its id, and waits to be told to end."""


def test_what_a_worker_that_dies_has_saved_of_a_shard_is_made_by_this_run_and_counted_once(
    workspace, pictures, start, cpu_workers, wait_for, tmp_path, monkeypatch
):
    workspace()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STOPPING)
    told_in = tmp_path / "stopped"
    monkeypatch.setenv("TOLD", str(told_in))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    every_line = "import macaw_cli.basics.console as console\nconsole.PLAIN_EVERY_S = 0.0\n"
    process = start(cpu_workers + every_line, *GPUS, "--set", "features.shard_items=512")
    busy = wait_for(lambda: told_in.exists() and told_in.read_text().endswith("\n") and int(told_in.read_text()))
    assert (tmp_path / "features" / "image-000000.tar.partial").stat().st_size > 0
    os.kill(busy, signal.SIGTERM)
    (tmp_path / "stopped-and-signalled").touch()
    made, told = process.communicate(timeout=120)
    assert process.returncode == 0 and "its jobs go to the other 1" in told
    assert "Features: 156 images; 1 shard" in made
    *_, last = re.findall(r"Extracting features: (\d+)/(\d+) files", told)
    assert last == ("156", "156")
