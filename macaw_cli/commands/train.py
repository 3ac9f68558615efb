"""`macaw train`."""


def train() -> None:
    """Tune the bridge and the LLM on a dataset."""
    raise NotImplementedError
