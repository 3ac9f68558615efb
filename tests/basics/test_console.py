"""Printing: result on stdout, the rest on stderr, in a pipe and in a terminal."""

import json
import os
import pty
import re
import select
import subprocess
import sys

import pytest

PROGRESS = """
from macaw_cli.basics import console
{before}
with console.progress("Drawing [x]", 3, "files") as advance:
    for number in range(3):
        advance(1, f"note[{{number}}]")
        console.say("between")
console.result("done")
"""


def in_a_pipe(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=True)


def in_a_terminal(code):
    """What a terminal of 100 columns would receive."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    received = b""
    while process.poll() is None or select.select([master], [], [], 0.1)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                received += os.read(master, 65536)
            except OSError:  # Linux tells the end of a terminal so
                break
    os.close(master)
    assert process.wait() == 0
    return received.decode()


def test_in_a_pipe_progress_is_plain_lines_and_stdout_holds_the_result_alone():
    done = in_a_pipe(PROGRESS.format(before="console.PLAIN_EVERY_S = 0"))
    assert done.stdout == "done\n"
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Drawing [x]: 1/3 files,")
    assert lines[0].endswith("s left note[0]")
    assert lines[-1].startswith("Drawing [x]: 3 files in")
    assert "\x1b" not in done.stderr


def test_in_a_pipe_short_work_prints_one_line():
    lines = in_a_pipe(PROGRESS.format(before="")).stderr.splitlines()
    assert [line for line in lines if line != "between"] == [lines[-1]]


def test_in_a_terminal_progress_is_a_bar_with_brackets_as_they_are():
    shown = in_a_terminal(PROGRESS.format(before=""))
    assert "Drawing [x]" in shown
    assert "3/3" in shown
    assert "files/s" in shown
    assert "note[2]" in shown
    assert "between" in shown
    assert "done" in shown


def test_nothing_to_do_is_no_error():
    code = "from macaw_cli.basics.console import progress\nwith progress('x', 0) as advance: advance(0, '')"
    assert in_a_pipe(code).stderr.startswith("x: 0 items in")
    assert "0/0" in in_a_terminal(code)


def test_what_is_only_passing_leaves_nothing_behind():
    code = "from macaw_cli.basics.console import progress\nwith progress('x', 1, passing=True) as advance: advance(1)"
    assert in_a_pipe(code).stderr == ""
    assert "\x1b[2K" in in_a_terminal(code)[-30:]


THREADS = """
import sys, threading
from macaw_cli.basics.console import progress
sys.setswitchinterval(1e-6)
with progress("Counting", 1000, "files") as advance:
    def count():
        for _ in range(5000):
            advance(1)
    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_no_count_of_several_threads_is_lost():
    assert in_a_pipe(THREADS).stderr.startswith("Counting: 20000 files")


def test_a_count_without_a_note_leaves_the_last_one():
    code = (
        "from macaw_cli.basics import console\nconsole.PLAIN_EVERY_S = 0\n"
        "with console.progress('x', 9) as advance: advance(1, '(decode 5 %)'); advance(0, '', 3); advance(1, 'new')"
    )
    first, second, third, _ = in_a_pipe(code).stderr.splitlines()
    assert first.startswith("x: 1/9") and second.startswith("x: 1/6") and second.endswith("(decode 5 %)")
    assert third.endswith("new")


def test_other_processes_of_a_training_print_nothing():
    code = PROGRESS.format(before="console.print_table('t', ['a'], [['b']]); console.result_json({})")
    done = in_a_pipe(code, RANK="1")
    assert done.stdout == done.stderr == ""


def test_a_json_result_is_one_object_in_readable_characters():
    out = in_a_pipe("from macaw_cli.basics.console import result_json; result_json({'a': 'caf\\xe9'})").stdout
    assert json.loads(out) == {"a": "caf\xe9"}
    assert "caf\xe9" in out


TABLE = "from macaw_cli.basics.console import print_table; print_table('T [1]', ['name', 'n'], {rows})"


@pytest.mark.parametrize("name", ["data[1].jsonl", "[bold]x[/bold]", ":cat:", "x" * 300, "/a/b\\[c]"])
def test_a_table_in_a_pipe_shows_names_whole_and_as_they_are(name):
    out = in_a_pipe(TABLE.format(rows=[[name, "3"]])).stdout
    assert name in out
    assert "T [1]" in out


def test_a_table_in_a_narrow_terminal_fits_it():
    shown = re.sub(r"\x1b\[[0-9;]*m", "", in_a_terminal(TABLE.format(rows=[["x" * 300, "3"]])))
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_a_long_second_column_is_wrapped_in_a_narrow_terminal_and_leaves_the_first_whole():
    told = " ".join(f"word{number}" for number in range(60))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", in_a_terminal(TABLE.format(rows=[["bridge parameters", told]])))
    assert "bridge parameters" in shown and all(f"word{number}" in shown for number in range(60))
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_a_table_is_readable_where_only_ascii_is(tmp_path):
    out = in_a_pipe(TABLE.format(rows=[["abc", "3"]]), PYTHONIOENCODING="ascii").stdout
    assert "abc" in out
    assert out.isascii()
