"""Standard input, output and error, whatever state they were handed over in: closed, full, of another encoding."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TextIO, cast

from macaw_cli.basics.errors import ResourceError


def prepare() -> None:
    """Make the three streams usable; the first thing that a command does.

    A stream that is closed is opened on the null device: otherwise the next file that is opened would take its number,
    and whatever a library prints would end up inside that file. What was standard output is opened for reading, so
    that a result which nobody can get is an error and not silence.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or _opened(0, "r")
    sys.stdout = sys.stdout or _opened(1, "w")
    sys.stderr = sys.stderr or _opened(2, "w")
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)


def put(text: str, *, to_stdout: bool) -> None:
    """Write `text` at once; characters that the stream's encoding lacks are written as escapes.

    Standard error that cannot be written to is no reason to stop: work whose terminal has gone runs on in silence.

    Raises:
        ResourceError: standard output is closed or full.
    """
    with told_as_lost(to_stdout=to_stdout) as stream:
        if stream is None:
            raise OSError(errno.EBADF, "it is closed")
        stream.write(encodable(text, stream))
        stream.flush()


@contextmanager
def told_as_lost(*, to_stdout: bool) -> Iterator[TextIO | None]:
    """Write to a standard stream: a failure is a clear message for standard output and nothing for standard error.

    Raises:
        ResourceError: standard output is closed or full.
    """
    stream: TextIO | None = sys.stdout if to_stdout else sys.stderr
    try:
        yield stream
    except (OSError, ValueError) as error:
        _silence(stream)
        if to_stdout:
            raise output_lost(error) from None


def encodable(text: str, stream: TextIO | None) -> str:
    """`text` in characters that `stream` can write."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def writes_unicode(stream: TextIO | None) -> bool:
    """Whether every character can be written there."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def output_lost(error: Exception) -> ResourceError:
    """The message for a result that could not be written."""
    closed = getattr(error, "errno", None) == errno.EBADF
    reason = "it is closed" if closed else getattr(error, "strerror", None) or str(error)
    return ResourceError(
        f"Standard output cannot be written to ({reason}).", "All files written so far are complete."
    )


def finish() -> None:
    """Flush what others printed.

    Raises:
        ResourceError: standard output is closed or full.
    """
    put("", to_stdout=True)


def trouble() -> ResourceError | None:
    """What is wrong with standard output, where something that others printed did not get through."""
    try:
        finish()
    except ResourceError as error:
        return error
    return None


def _opened(number: int, mode: str) -> TextIO:
    stream: IO[str] = os.fdopen(number, mode, encoding="utf-8", closefd=False)
    return cast(TextIO, stream)


def _silence(stream: TextIO | None) -> None:
    """Python flushes both streams once more at its end, and would tell of the same trouble again."""
    try:
        number = stream.fileno() if stream else None
        if number is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
    except (OSError, ValueError):
        pass
