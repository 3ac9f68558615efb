"""The outermost frame: what a person and a shell see when a command ends early."""

import json
import subprocess
import sys

import pytest

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


FAILING_COMMANDS = """
import signal, sys
from macaw_cli import main
from macaw_cli.basics import console
from macaw_cli.basics.errors import DamagedError
from macaw_cli.commands.shared_options import JsonOption

@main.app.command()
def fail(how: str, as_json: JsonOption = False):
    if how == "damaged":
        raise DamagedError("It is cut: s3://b/c?token=secret.", "Restore it.")
    if how == "missing":
        open("/nowhere/at/all")
    if how == "full":
        raise OSError(28, "No space left on device")
    if how == "bug":
        raise LookupError("a bug")
    if how == "late":
        console.result_json({"made": 3})
        raise DamagedError("Too many rejects.")
    if how == "interrupted":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

main.cli()
"""


def failed(*words):
    return subprocess.run(
        [sys.executable, "-c", FAILING_COMMANDS, "fail", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("how", "kind", "code"),
    [("damaged", "DamagedError", 1), ("full", "ResourceError", 1), ("bug", "LookupError", 1),
     ("interrupted", "Interrupted", 130)],
)  # fmt: skip
def test_a_failure_under_json_is_one_object_on_stdout_and_the_message_on_stderr(how, kind, code):
    ended = failed(how, "--json")
    assert ended.returncode == code
    (error,) = json.loads(ended.stdout).values()
    assert (error["kind"], error["exit_code"]) == (kind, code)
    assert error["message"] and error.keys() == {"kind", "message", "hint", "exit_code"}
    assert ended.stderr and "secret" not in ended.stdout + ended.stderr
    assert failed(how).stdout == "" and failed(how).returncode == code


def test_wrong_usage_under_json_is_one_object_too():
    ended = failed("damaged", "--json", "--no-such-option")
    assert ended.returncode == 2
    error = json.loads(ended.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == ("UsageError", 2) and "--no-such-option" in error["message"]


def test_a_command_that_printed_its_object_before_it_failed_prints_no_second_one():
    ended = failed("late", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (1, {"made": 3})
    assert "Too many rejects" in ended.stderr


def test_every_command_with_json_tells_a_failure_as_an_object(tmp_path):
    for words in (["inspect", "nowhere"], ["chat", "nowhere", "--prompt", "a"], ["train", "nowhere", "--plan"]):
        ended = subprocess.run([sys.executable, "-m", "macaw_cli", *words, "--json"], capture_output=True, text=True,
                               check=False, cwd=tmp_path)  # fmt: skip
        assert ended.returncode in (1, 2)
        assert json.loads(ended.stdout)["error"]["message"]


def test_the_version_is_told_without_a_command():
    told = subprocess.run(
        [sys.executable, "-m", "macaw_cli", "--version"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, f"macaw {__version__}\n")


@pytest.mark.parametrize(
    ("words", "near"), [(("init", "x", "--preset", "minigp4"), "'minigpt4'"), (("train", "--preset", "qwerty"), None)]
)
def test_a_word_that_is_none_of_a_list_is_told_with_the_nearest(words, near):
    done = subprocess.run([sys.executable, "-m", "macaw_cli", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'small'" in done.stderr and "Value error" not in done.stderr
    assert ("Did you mean" in done.stderr) == (near is not None)
    assert near is None or done.stderr.rstrip().endswith(f"Did you mean {near}?")
