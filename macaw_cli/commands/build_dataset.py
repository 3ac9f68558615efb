"""`macaw build-dataset`."""


def build_dataset() -> None:
    """Join captions and conversations with features into training shards."""
    raise NotImplementedError
