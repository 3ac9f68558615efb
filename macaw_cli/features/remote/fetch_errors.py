"""What it means when a remote medium cannot be had: a reject, or a reason to stop."""

from collections.abc import Iterator
from contextlib import contextmanager

from macaw_cli.basics.errors import Passing, ResourceError
from macaw_cli.basics.remote_files import is_of_driver, is_unreachable, reason_of
from macaw_cli.basics.urls import without_secrets


@contextmanager
def fetch_errors_are_told(url: str) -> Iterator[None]:
    """Turn what a driver raises into the reason of one rejected file.

    A web server that is gone costs its files. A whole store that cannot be reached is a reason to stop: all its media
    would be rejected otherwise.

    Raises:
        Passing: the file is not there, may not be read, or its server is gone.
        ResourceError: the store cannot be reached.
    """
    try:
        yield
    except Exception as error:
        if not is_of_driver(error):
            raise
        if is_unreachable(error) and not url.startswith(("http://", "https://")):
            problem = f"{without_secrets(url)} cannot be reached: {reason_of(error)}."
            raise ResourceError(problem, "Run the same command again later: it continues.") from None
        reason = "it does not exist" if isinstance(error, FileNotFoundError) else reason_of(error)
        raise Passing(f"It cannot be fetched: {reason}.") from None
