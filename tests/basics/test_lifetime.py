import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, signal, time
from macaw_cli.basics.lifetime import end_with_parent
end_with_parent({parent}, signal.{by})
print(os.getpid(), flush=True)
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def lives(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
@pytest.mark.parametrize("by", ["SIGKILL", "SIGTERM"])
def test_a_process_ends_with_the_one_that_started_it(by):
    child = CHILD.format(parent="os.getppid()", by=by)
    with subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert lives(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_process_whose_parent_is_gone_already_ends_at_once():
    done = subprocess.run([sys.executable, "-c", CHILD.format(parent=1 << 30, by="SIGKILL")], capture_output=True)
    assert done.returncode == 1 and not done.stdout
