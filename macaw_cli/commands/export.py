"""`macaw export`."""


def export() -> None:
    """Write a model as a folder that others can load."""
    raise NotImplementedError
