"""What the server says while it runs: a line for each request, and why one was refused, on stderr."""

import logging

from macaw_cli.basics import console

ROOM = "macaw_cli.serving"


class _ToConsole(logging.Handler):
    """Hands records to the one door of the terminal, which makes foreign text in them safe."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        console.say(self.format(record))


def show_log() -> None:
    """From now on the server's log is shown; the libraries' warnings and errors as well."""
    handler = _ToConsole()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for name, level in ((ROOM, logging.INFO), ("uvicorn", logging.WARNING), ("asyncio", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
