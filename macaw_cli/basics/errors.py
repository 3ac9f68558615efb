"""The errors that a user can cause, and their exit codes.

    MacawError                 exit 1   something went wrong that the user can mend
    ├── UsageError             exit 2   a wrong option, or a wrong key or value in macaw.yaml
    ├── InputError                      a file, folder or row that cannot be used
    │   ├── DamagedError                something macaw wrote earlier is cut or changed
    │   └── Passing                     trouble that may be over at the next run
    ├── MismatchError                   two things that do not belong together (fingerprints, versions, world sizes)
    ├── LockedError                     another macaw command is writing there
    ├── ResourceError                   disk, memory, devices
    ├── QualityError                    a figure is worse than the command was told to accept
    └── MissingDependencyError          an optional package or a platform that lacks one
    Interrupted                exit 130/143  SIGINT or SIGTERM arrived and the work so far is saved

A bug is none of these: it keeps its traceback.
"""

from macaw_cli.basics.shown_text import cut_in_the_middle


class MacawError(Exception):
    """A failure the user can mend.

    Args:
        problem: what was expected, what was found and where, as one sentence.
        hint: what to do next, as one sentence or a command to type.
    """

    exit_code = 1

    def __init__(self, problem: str, hint: str = "") -> None:
        """Keep both halves, and join them for anyone who prints the exception.

        A text that is longer than anybody reads, because a value of a megabyte stands in it, is cut in the middle.
        """
        problem, hint = cut_in_the_middle(problem), cut_in_the_middle(hint)
        super().__init__(f"{problem} {hint}".strip())
        self.problem = problem
        self.hint = hint

    def as_json(self) -> dict[str, str | int]:
        """The object `error` that `--json` prints."""
        kind = type(self).__name__
        return {"kind": kind, "message": self.problem, "hint": self.hint, "exit_code": self.exit_code}

    def __reduce__(self) -> tuple[type["MacawError"], tuple[str, str]]:
        """Survive the trip between processes with both halves."""
        return type(self), (self.problem, self.hint)


class UsageError(MacawError):
    """A wrong option, or a wrong key or value in `macaw.yaml`."""

    exit_code = 2


class InputError(MacawError):
    """A file, folder or row that cannot be used."""


class DamagedError(InputError):
    """Something macaw wrote earlier is cut or changed."""


class Passing(InputError):
    """Trouble that may be over at the next run; what it hits is tried again."""


class MismatchError(MacawError):
    """Two things that do not belong together: fingerprints, format versions, world sizes."""


class LockedError(MacawError):
    """Another macaw command is writing in the same folder."""


class ResourceError(MacawError):
    """Not enough disk, memory or devices."""


class QualityError(MacawError):
    """A figure is worse than the command was told to accept."""


class MissingDependencyError(MacawError):
    """An optional package is absent, or this platform has none."""


class Interrupted(MacawError):
    """SIGINT (130) or SIGTERM (143) arrived; what was done so far is saved."""

    def __init__(self, problem: str, hint: str = "", exit_code: int = 130) -> None:
        """Carry the exit code that the shell expects for the signal."""
        super().__init__(problem, hint)
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type["MacawError"], tuple[str, str, int]]:  # type: ignore[override]
        """Survive the trip between processes with the exit code."""
        return type(self), (self.problem, self.hint, self.exit_code)
