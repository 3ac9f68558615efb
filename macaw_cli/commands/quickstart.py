"""`macaw quickstart`."""


def quickstart() -> None:
    """Run the whole path on a small world, offline, on a CPU."""
    raise NotImplementedError
