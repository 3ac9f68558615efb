"""The outermost frame: what a person and a shell see when a command ends early."""

import subprocess
import sys

from macaw_cli import __version__

INTERRUPTED_COMMAND = """
import signal
from macaw_cli import main

@main.app.command()
def wait():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored under a background job
    signal.raise_signal(signal.SIGINT)

main.cli()
"""


def test_ctrl_c_is_answered_with_one_line_and_exit_code_130():
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_COMMAND, "wait"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")


def test_the_version_is_told_without_a_command():
    told = subprocess.run(
        [sys.executable, "-m", "macaw_cli", "--version"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, f"macaw {__version__}\n")
