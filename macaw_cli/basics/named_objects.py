"""What a text such as `package.module:Class` names, imported on use, so that a table of names imports nothing."""

from importlib import import_module
from typing import Any


def named_object(place: str) -> Any:
    """The attribute of a module.

    Args:
        place: `module:attribute`, from a table of macaw or the entry point of an installed package.

    Raises:
        ImportError: no such module.
        AttributeError: it has no such attribute.
    """
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
