"""What we start ends with us, is given our signals and the time to save, and is heard to the end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from macaw_cli.basics import child

SAVING = """
import pathlib, signal, sys, time
def save(number, _):
    time.sleep(0.7)
    with pathlib.Path("saved").open("a") as out: out.write("x")
    sys.exit(128 + number)
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, save)
pathlib.Path("ready").touch()
time.sleep(30)
"""
FORWARDING = """
import os, pathlib, sys
from macaw_cli.basics.child import run_with_signals
sys.exit(run_with_signals([sys.executable, "-c", sys.argv[1]], pathlib.Path(), os.environ))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_once_and_it_has_the_time_to_save(tmp_path, number):
    parent = subprocess.Popen([sys.executable, "-c", FORWARDING, SAVING], cwd=tmp_path, start_new_session=True)
    while not (tmp_path / "ready").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    os.killpg(parent.pid, number)  # as a terminal does
    assert parent.wait(timeout=20) == 128 + number
    assert (tmp_path / "saved").read_text() == "x"


def test_a_command_that_is_killed_is_told_as_a_shell_tells_it(tmp_path):
    dying = "import os; os.kill(os.getpid(), 9)"
    parent = subprocess.run([sys.executable, "-c", FORWARDING, dying], cwd=tmp_path, check=False)
    assert parent.returncode == 137


CHILD = """
import os, signal, time
from macaw_cli.basics.child_side import end_with_parent
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
    program = CHILD.format(parent="os.getppid()", by=by)
    with subprocess.Popen([sys.executable, "-c", PARENT, program], stdout=subprocess.PIPE, text=True) as parent:
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


def test_a_command_is_heard_to_its_end():
    ended = child.run([sys.executable, "-c", "import sys; print(1); sys.exit('2\\n3')"])
    assert (ended.code, ended.out, ended.last_line) == (1, "1\n", "3")
    assert child.run([sys.executable, "-c", "raise SystemExit(7)"]).last_line == "exit code 7"


def test_a_command_gets_the_variables_that_are_named_besides_ours(monkeypatch):
    monkeypatch.setenv("OURS", "1")
    code = "import os; print(os.environ['OURS'] + os.environ['NAMED'])"
    assert child.run([sys.executable, "-c", code], environment={"NAMED": "2"}).out == "12\n"


def test_a_command_whose_time_is_over_is_killed_with_all_that_it_started(tmp_path):
    slow = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    inner = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    ended = child.run([sys.executable, "-W", "ignore", "-c", slow, inner], timeout_s=3)
    assert (ended.code, ended.last_line) == (None, "no answer within 3 s")
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(pid)


def test_any_module_can_be_tied_to_this_process():
    command = child.tied("json.tool", "--help")
    assert "json.tool" in child.run(command).out
    elsewhere = child.run([*command[:3], str(1 << 30), *command[4:]])  # as if this process had died before
    assert (elsewhere.code, elsewhere.out) == (1, "")


def test_a_process_that_does_not_end_in_its_grace_is_killed_and_its_pipes_are_closed():
    process = child.start("http.server", "--bind", "127.0.0.1", "0")
    child.end(process, 0.1)
    assert process.returncode == -signal.SIGKILL
    assert process.stdin.closed and process.stdout.closed
