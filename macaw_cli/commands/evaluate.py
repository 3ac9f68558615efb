"""`macaw evaluate`."""


def evaluate() -> None:
    """Measure accuracy with real, without and with swapped media."""
    raise NotImplementedError
