"""A command run as a child, which gets the signals that we get and the time to end in its own way."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_child(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run `command` in `folder`, its stdout going to our stderr; returns its exit code as a shell would tell it.

    It has a process group of its own: Ctrl-C reaches it once, through us, however many processes the terminal asks,
    and a training saves before it ends, while we wait.
    """
    child = subprocess.Popen(command, cwd=folder, stdout=sys.stderr, env=environment, process_group=0)
    with _forwarding_to(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarding_to(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    before = {number: signal.signal(number, lambda seen, _: child.send_signal(seen)) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
