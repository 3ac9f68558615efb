"""macaw: teach a text LLM to see, watch and listen.

The public names are imported on first use, so that `import macaw_cli` stays free of torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from macaw_cli.inference.engine import Engine as Engine
    from macaw_cli.model.configuration import MacawConfig as MacawConfig
    from macaw_cli.model.media_embedder import MediaEmbedder as MediaEmbedder
    from macaw_cli.model.modeling import MacawForConditionalGeneration as MacawForConditionalGeneration
    from macaw_cli.model.processing import MacawProcessor as MacawProcessor

__version__ = "0.1.0"

_PUBLIC = {
    "Engine": "macaw_cli.inference.engine",
    "MacawConfig": "macaw_cli.model.configuration",
    "MacawForConditionalGeneration": "macaw_cli.model.modeling",
    "MacawProcessor": "macaw_cli.model.processing",
    "MediaEmbedder": "macaw_cli.model.media_embedder",
}
__all__ = ["Engine", "MacawConfig", "MacawForConditionalGeneration", "MacawProcessor", "MediaEmbedder", "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'macaw_cli' has no attribute {name!r}")
