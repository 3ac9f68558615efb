"""What is wrong with a server is told before torch is imported, the model before the port."""

from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.locks import writer_of
from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.serving.backend.address import require_listening

_PLACES = (".", "model", "media")
"""Where a model's configuration may be: a model folder, a run, an exported LLM with its `MediaEmbedder`."""


def require_served(model: Path | None, backend: BackendSettings) -> None:
    """Refuse a folder that holds no model at all, and a backend that is not there.

    Args:
        model: that was named; None is the workspace's newest, which is looked for later.
        backend: of the settings; without a URL there is none.

    Raises:
        InputError: no model is in the folder, or nothing listens at the backend's URL.
        UsageError: the backend's URL or key is none.
    """
    if model and not any((model / place / "config.json").is_file() for place in _PLACES) and not writer_of(model):
        raise InputError(f"There is no model in {model}.", "`macaw train` writes one to runs/NAME/model.")
    if backend.url:
        require_listening(backend)
