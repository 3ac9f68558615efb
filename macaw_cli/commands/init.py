"""`macaw init`."""


def init() -> None:
    """Write a macaw.yaml from a preset."""
    raise NotImplementedError
