"""`macaw doctor`: every check in a sensible order, told as lines or as JSON."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from macaw_cli.basics import console
from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.config.loading import Workspace
from macaw_cli.inspection import decoders, machine, packages
from macaw_cli.inspection.checks import Check

PROBES_AT_ONCE = 4
MARKS = {"ok": "ok     ", "warn": "warn   ", "slow": "slow   ", "missing": "MISSING"}


def examine(workspace: Workspace) -> Iterator[Check]:
    """All checks in order, each yielded as soon as it and those before it are known."""
    looks: list[Callable[[], Check | Iterable[Check]]] = [
        packages.python, machine.system, machine.cpu, machine.memory, partial(machine.workspace_folder, workspace),
        packages.declared, packages.torch_and_gpus, packages.transformers, packages.deepspeed, packages.webdataset,
        decoders.decoders, packages.compiler, packages.ffmpeg, machine.hub_cache,
        partial(machine.named_models, workspace),
    ]  # fmt: skip
    with ThreadPoolExecutor(PROBES_AT_ONCE) as pool:  # most of the time is other processes importing packages
        for found in pool.map(lambda look: look(), looks):
            yield from [found] if isinstance(found, Check) else found


def report(workspace: Workspace, *, as_json: bool) -> None:
    """Print what works on this machine and what does not.

    Args:
        workspace: where write permission, free space and named models are looked at.
        as_json: print one JSON object instead of lines.

    Raises:
        MissingDependencyError: something that macaw cannot run without is missing.
    """
    checks = []
    for check in examine(workspace):
        checks.append(check)
        if not as_json:
            for line in check_lines(check):
                console.result(line)
    missing = [check.name for check in checks if check.status == "missing"]
    if as_json:
        console.result_json({"ok": not missing, "checks": [check.as_json() for check in checks]})
    if missing:
        raise MissingDependencyError(
            f"Missing: {', '.join(missing)}.",
            "See the report above for what to do about each.",
        )
    slow = [check.name for check in checks if check.status == "slow"]
    if slow:
        console.say(f"Not checked, because this machine is busy: {', '.join(slow)}. Nothing is known to be missing.")
    else:
        console.say("macaw can run here. Next: macaw quickstart")


def check_lines(check: Check) -> list[str]:
    """`check` as one line, or two when there is something to do."""
    hint = [f"{'':22}-> {check.hint}"] if check.hint else []
    return [f"{MARKS[check.status]} {check.name:13} {check.detail}", *hint]
