"""What the machine refuses in the middle of a command: one clear message of the right kind, never a traceback."""

import json
import subprocess
import sys

import pytest

LIMITED = """
import resource, sys
from macaw_cli.main import cli

sys.argv = ["macaw", *{words!r}]
resource.setrlimit(resource.{limit}, ({value}, {value}))
cli()
"""


def limited(folder, words, limit, value):
    """The command under a limit of the system, which is set in its own process."""
    code = LIMITED.format(limit=limit, value=value, words=words)
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stderr


def test_a_limit_on_the_size_of_files_is_told_by_init(tmp_path):
    code, told = limited(tmp_path, ["init", "new"], "RLIMIT_FSIZE", 100)
    assert code == 1 and "File too large" in told and "ulimit -f" in told
    assert not list((tmp_path / "new").glob("*"))


def test_too_many_open_files_are_told(tmp_path):
    code, told = limited(tmp_path, ["init", "new"], "RLIMIT_NOFILE", 3)
    assert code == 1 and "Too many open files" in told and "ulimit -n" in told


def test_a_lock_that_cannot_name_its_holder_on_a_full_disk_holds_all_the_same(tmp_path):
    (tmp_path / "macaw.yaml").write_text("dataset: {sources: [jsonl:c.jsonl]}\n")
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (tmp_path / "c.jsonl").write_text(json.dumps({"messages": talk}))
    code, told = limited(tmp_path, ["build-dataset"], "RLIMIT_FSIZE", 20)
    assert code == 1 and "File too large" in told and len(told.splitlines()) <= 3


@pytest.mark.skipif(sys.platform != "linux", reason="needs a place where not even root may write")
def test_a_place_where_nobody_may_write_is_told(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "macaw_cli", "init", "/sys/macaw"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1 and "Traceback" not in ended.stderr and "Error: /sys/macaw" in ended.stderr
