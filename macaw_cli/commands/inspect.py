"""`macaw inspect`."""


def inspect() -> None:
    """Say what is in a feature store, dataset, run or model, and whether it is whole."""
    raise NotImplementedError
