"""`macaw inspect`, run as a user runs it."""

import subprocess
import sys


def inspect(folder, *arguments):
    command = [sys.executable, "-m", "macaw_cli", "inspect", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_a_folder_that_is_nothing_ends_with_one_and_two_lines(tmp_path):
    done = inspect(tmp_path, ".")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: . holds nothing that macaw wrote: looked for store.json")
    assert len(done.stderr.splitlines()) == 2


def test_without_a_path_it_is_wrong_usage(tmp_path):
    assert inspect(tmp_path).returncode == 2
