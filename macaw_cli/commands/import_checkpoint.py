"""`macaw import-checkpoint`."""


def import_checkpoint() -> None:
    """Turn the published Macaw-LLM weights into a model folder."""
    raise NotImplementedError
