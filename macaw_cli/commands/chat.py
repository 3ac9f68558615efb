"""`macaw chat`."""


def chat() -> None:
    """Ask a model about images, sounds and videos."""
    raise NotImplementedError
