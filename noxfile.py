"""The one way to check everything: `nox` runs the default sessions, in one shared environment."""

import nox

nox.options.sessions = ["lint", "types", "layers", "tests"]
nox.options.reuse_existing_virtualenvs = True
SHARED = ".nox/shared"
OFFLINE = {"HF_HUB_OFFLINE": "1", "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def install(session: nox.Session) -> None:
    """Install the project with its development tools, at the tested versions."""
    session.install("-c", "constraints.txt", "-e", ".[dev]")


@nox.session(venv_location=SHARED)
def lint(session: nox.Session) -> None:
    """Ruff: style, docstrings, annotations."""
    install(session)
    session.run("ruff", "check", ".")


@nox.session(venv_location=SHARED)
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    install(session)
    session.run("mypy")


@nox.session(venv_location=SHARED)
def layers(session: nox.Session) -> None:
    """Import-linter: imports run downwards only."""
    install(session)
    session.run("lint-imports")


@nox.session(venv_location=SHARED)
def tests(session: nox.Session) -> None:
    """The fast, offline tests."""
    install(session)
    session.run("pytest", "-m", "not slow", *session.posargs, env=OFFLINE)


@nox.session(venv_location=SHARED, default=False)
def acceptance(session: nox.Session) -> None:
    """The long tests: whole quickstart, 20 of 20 exits, kills at random moments."""
    install(session)
    session.run("pytest", "-m", "slow", "--timeout=3600", *session.posargs, env=OFFLINE)
