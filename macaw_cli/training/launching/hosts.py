"""The machines of `--hostfile`, in DeepSpeed's format: one `host slots=8` per line, comments after `#`."""

import re
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.errors import InputError

LINE = re.compile(r"(?P<name>[A-Za-z0-9_][^\s=]*)(\s+slots\s*=\s*(?P<slots>\d+))?")
LOOPBACK = ("localhost", "127.", "::1")


@dataclass(frozen=True)
class Host:
    """One machine and the processes that it runs."""

    name: str
    """As ssh knows it; a user may stand before it, `me@node1`."""
    processes: int

    @property
    def address(self) -> str:
        """The name under which other machines reach it."""
        return self.name.rpartition("@")[2]


def read_hostfile(path: Path, processes_each: int | None) -> tuple[Host, ...]:
    """The machines, in the order of the file; ranks are numbered in that order.

    Args:
        path: the file.
        processes_each: processes per machine; None takes each line's slots.

    Raises:
        InputError: no such file, a line that cannot be read, a machine named twice, fewer slots than processes, or
            this machine's loopback name among others, which they could not reach.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The hostfile {path} cannot be read: {error}.", "Name a text file.") from None
    hosts: list[Host] = []
    for number, line in enumerate(lines, start=1):
        content = line.partition("#")[0].strip()
        if content:
            hosts.append(_host(content, f"{path}, line {number}", processes_each))
            _require_new(hosts, f"{path}, line {number}")
    if not hosts:
        raise InputError(f"The hostfile {path} names no host.", "Write one `host slots=8` per line.")
    _require_reachable(hosts, path)
    return tuple(hosts)


def _host(content: str, where: str, processes_each: int | None) -> Host:
    match = LINE.fullmatch(content)
    if match is None or match["slots"] == "0":
        raise InputError(f"{where}: expected `host slots=8`, found `{content}`.", "Slots are the host's GPUs.")
    slots = int(match["slots"]) if match["slots"] else None
    if processes_each is None and slots is None:
        raise InputError(f"{where}: {match['name']} has no slots.", "Write `slots=8`, or add --gpus 8.")
    if processes_each is not None and slots is not None and processes_each > slots:
        problem = f"{where}: {match['name']} has {slots} slots, fewer than the {processes_each} processes per host."
        raise InputError(problem, "Raise slots, or lower --gpus.")
    return Host(match["name"], processes_each or slots or 1)


def _require_new(hosts: list[Host], where: str) -> None:
    *before, last = hosts
    if any(host.address == last.address for host in before):
        raise InputError(f"{where}: {last.name} stands in the file twice.", "Give it one line with all its slots.")


def _require_reachable(hosts: list[Host], path: Path) -> None:
    loopback = [host.name for host in hosts if host.address.startswith(LOOPBACK)]
    if loopback and len(loopback) < len(hosts):
        problem = f"The hostfile {path} names {loopback[0]}, which means another machine on each of the others."
        raise InputError(problem, "Write this machine's name in the network.")
