"""What other installed packages add: the entry points of one group."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.named_objects import named_object


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


def class_of_package(place: str, base: type, what: str, package: str) -> Any:
    """A class that another package names in one of its rows, imported and checked.

    Args:
        place: `module:class`.
        base: what it has to be a subclass of.
        what: the package adds, as in "the bridge pooled".
        package: its name.

    Raises:
        UsageError: the class cannot be imported, or is none of this kind.
    """
    hint = f"Repair the package, or uninstall it: pip uninstall {package}."
    try:
        found = named_object(place)
    except Exception as error:  # whatever the package does when it is imported
        raise UsageError(
            f"The package {package} adds {what}, but {place} cannot be loaded: {type(error).__name__}: {error}.", hint
        ) from error
    if not isinstance(found, type) or not issubclass(found, base):
        told = f"a subclass of {base.__module__}.{base.__name__}"
        raise UsageError(f"The package {package} adds {what}, but {place} is not {told}.", hint)
    return found


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
