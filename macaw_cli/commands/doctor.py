"""`macaw doctor`."""


def doctor() -> None:
    """Say what works on this machine, what is missing and what to install."""
    raise NotImplementedError
