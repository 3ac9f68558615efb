"""One line of `macaw doctor`: what was looked at, how it stands, what to do about it."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from macaw_cli.basics import child

Status = Literal["ok", "warn", "slow", "missing"]

PROBE_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Check:
    """The outcome of one look at the machine."""

    name: str
    """What was looked at."""
    status: Status
    """`ok`; `warn`: macaw runs, with a drawback; `slow`: it did not answer in time, so nothing is known of it;
    `missing`: macaw cannot run without it."""
    detail: str
    """What was found."""
    hint: str = ""
    """What to install or change; empty when nothing needs doing."""

    def as_json(self) -> dict[str, str]:
        """The check as it stands in `macaw doctor --json`."""
        return asdict(self)


@dataclass(frozen=True)
class Probe:
    """What a piece of Python said when it ran in a process of its own."""

    answer: Any
    """The JSON value that it printed last; None when it failed."""
    problem: str
    """Why it failed, one line; empty when it did not."""
    slow: bool = False
    """Whether it was ended because it took too long, which says nothing of what it looked at."""


def probe(code: str, *arguments: str, timeout_s: float = PROBE_TIMEOUT_S,
          environment: dict[str, str] | None = None) -> Probe:  # fmt: skip
    """Run `code` in a fresh interpreter, so that a crash, a hang or a chatty library cannot spoil the report.

    Args:
        code: Python whose last printed line is JSON.
        *arguments: what `code` finds in `sys.argv[1:]`.
        timeout_s: seconds after which the process is ended.
        environment: variables that the process gets besides ours.
    """
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    done = child.run(command, environment=environment, timeout_s=timeout_s)
    if done.code != 0:
        return Probe(None, done.last_line, slow=done.code is None)
    return Probe(json.loads(done.out.strip().splitlines()[-1]), "")


def failed(name: str, seen: Probe, hint: str) -> Check:
    """The outcome where a probe failed.

    Args:
        name: what was looked at.
        seen: the probe.
        hint: what to do where it is missing; nothing is advised where it was only slow.
    """
    if seen.slow:
        return Check(name, "slow", f"not checked: {seen.problem}", "Run `macaw doctor` again when the machine is idle.")
    return Check(name, "missing", seen.problem, hint)


def package_probe(module: str, extra: str = "None", environment: dict[str, str] | None = None) -> Probe:
    """Import `module` for real; the answer is `[version, extra]`, where `extra` is any expression."""
    code = f"import json, {module}\nprint(json.dumps([{module}.__version__, {extra}]))"
    return probe(code, environment=environment)
