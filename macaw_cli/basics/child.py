"""Other processes: what macaw starts, it starts here, and nothing of it outlives the process that started it.

Three kinds do not fit and start their own: torch's launcher (`training/launching`), pools of `concurrent.futures`, Ray.
What a started process does for its part is in `child_side.py`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Ended:
    """A process that has run to its end, or was ended because it took too long."""

    code: int | None
    """Exit code; None when its time was over."""
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last that it said on stderr, which usually tells why it failed; else its exit code."""
        return (self.err.strip().splitlines() or [f"exit code {self.code}"])[-1]


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this Python."""
    return [sys.executable, "-m", module, *arguments]


def tied(module: str, *arguments: str) -> list[str]:
    """The command that runs any module with this Python, in a process that ends with this one."""
    return python("macaw_cli.basics.child_side", str(os.getpid()), module, *arguments)


def start(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, alone: bool = False, **streams: Any
) -> "subprocess.Popen[Any]":
    """Start a module of macaw that goes on beside this process, with pipes to its stdin and stdout.

    The module imports from the same places as this process, and must call `child_side.end_with_parent`.

    Args:
        module: its dotted name.
        *arguments: what it finds in `sys.argv[1:]`.
        environment: variables that it gets besides ours.
        alone: in a session of its own, which Ctrl-C does not reach.
        **streams: `stderr`, `bufsize`, `encoding` as for `subprocess.Popen`.
    """
    places = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        python(module, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=alone,
        env={**os.environ, **places, **(environment or {})}, **streams,
    )  # fmt: skip


def end(
    process: "subprocess.Popen[Any]", grace_s: float | None = None, reader: threading.Thread | None = None
) -> None:
    """Be sure that a process is gone, and close its pipes.

    Args:
        process: what `start` returned.
        grace_s: time to end by itself, before it is killed; None: as long as it takes.
        reader: the thread that reads what it says, to the end.
    """
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if reader is not None:
        reader.join()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # something was left that nobody reads any more
                pipe.close()


def run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float | None = None
) -> Ended:
    """Run a command to its end and keep what it says.

    It has a process group of its own, which is killed when its time is over or this process is interrupted.

    Args:
        command: program and arguments.
        environment: variables that it gets besides ours.
        timeout_s: how long it may take.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", env={**os.environ, **(environment or {})}, process_group=0,
    )  # fmt: skip
    with process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return Ended(None, "", f"no answer within {timeout_s:.0f} s")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, out, err)


def run_with_signals(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command in `folder`, its stdout going to our stderr; returns its exit code as a shell would tell it.

    It has a process group of its own: Ctrl-C reaches it once, through us, however many processes the terminal asks,
    and a training saves before it ends, while we wait.

    Args:
        command: program and arguments.
        folder: where it runs.
        environment: all of its variables.
    """
    process = subprocess.Popen(command, cwd=folder, stdout=sys.stderr, env=environment, process_group=0)
    with _forwarding_to(process):
        code = process.wait()
    return _as_shell(code)


def answer_with_signals(module: str, *arguments: str) -> tuple[int, str]:
    """Run a module of macaw to its end, in a process that ends with this one; its stderr is ours.

    Signals reach it as in `run_with_signals`.

    Args:
        module: its dotted name; it imports from the same places as this process.
        *arguments: what it finds in `sys.argv[1:]`.

    Returns:
        Its exit code as a shell would tell it, and what it wrote to its stdout.
    """
    places = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        tied(module, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env={**os.environ, **places},
        process_group=0,
    )  # fmt: skip
    with process, _forwarding_to(process):
        out, _ = process.communicate()
    return _as_shell(process.returncode), out.decode(errors="replace")


def _as_shell(code: int) -> int:
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarding_to(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    before = {number: signal.signal(number, lambda seen, _: process.send_signal(seen)) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
