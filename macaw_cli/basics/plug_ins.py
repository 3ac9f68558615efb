"""What other installed packages add: the entry points of one group."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from macaw_cli.basics.errors import UsageError


def plug_ins(group: str) -> list[tuple[str, Any]]:
    """Everything that installed packages register under a group, sorted by name.

    Args:
        group: of entry points, such as `macaw.modalities`.

    Returns:
        The package's name and what its entry point names, loaded.

    Raises:
        UsageError: one cannot be loaded.
    """
    return [(_package(found), _loaded(found)) for found in sorted(entry_points(group=group), key=lambda one: one.name)]


def _package(found: EntryPoint) -> str:
    return found.dist.name if found.dist else found.value


def _loaded(found: EntryPoint) -> Any:
    try:
        return found.load()
    except Exception as error:  # whatever the package does when it is imported
        raise UsageError(
            f"The package {_package(found)} adds `{found.name}` to {found.group}, but {found.value} cannot be loaded:"
            f" {type(error).__name__}: {error}.",
            f"Repair the package, or uninstall it: pip uninstall {_package(found)}.",
        ) from error
