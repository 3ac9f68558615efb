"""`macaw extract-features`."""


def extract_features() -> None:
    """Compute encoder features of media files, once."""
    raise NotImplementedError
