"""What a verification leaves behind: nothing, unless an error points there."""

import os
import signal
import subprocess
import sys

import pytest

from macaw_cli.basics.errors import InputError, Interrupted, MismatchError
from macaw_cli.training.verifying.verification_folder import verification_folder


def left(runs):
    return [path for path in runs.iterdir() if path.name.startswith(".verify-resume-")]


def test_a_good_end_leaves_nothing(tmp_path):
    with verification_folder(tmp_path) as folder:
        (folder / "whole").mkdir()
    assert not left(tmp_path)


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (lambda folder: MismatchError("They differ.", f"Both are in {folder}."), True),
        (lambda folder: ValueError("a bug"), True),
        (lambda folder: InputError("There is no dataset.", "Build it."), False),
        (lambda folder: Interrupted("Stopped by SIGINT.", f"It was in {folder}"), False),
        (lambda folder: KeyboardInterrupt(), False),
    ],
)
def test_it_stays_where_there_is_something_to_look_at(tmp_path, error, stays):
    with pytest.raises(BaseException), verification_folder(tmp_path) as folder:  # noqa: B017 - any of them
        raise error(folder)
    assert bool(left(tmp_path)) == stays


def test_the_next_start_removes_what_a_killed_one_has_left_and_nothing_else(tmp_path):
    with pytest.raises(ValueError, match="a bug"), verification_folder(tmp_path) as kept:
        raise ValueError("a bug")
    code = (
        "import os, pathlib, signal, sys\n"
        "from macaw_cli.training.verifying.verification_folder import verification_folder\n"
        "with verification_folder(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(left(tmp_path)) == 2
    with verification_folder(tmp_path) as one, verification_folder(tmp_path) as other:
        assert set(left(tmp_path)) == {kept, one, other}
