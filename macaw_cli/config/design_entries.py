"""Rows of a table of designs, each a class of settings and where its module is, and those that other packages add."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.plug_ins import plug_ins

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PLACE = re.compile(r"[\w.]+:\w+")


class Design(Protocol):
    """Settings of one design: a frozen dataclass whose field `name` has the design's name as default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """Name of the design."""


@dataclass(frozen=True)
class DesignEntry:
    """One row of a table.

    Attributes:
        settings: a frozen dataclass, see `Design`. Every field has a default. It is checked without torch: its module
            must not import torch, numpy or transformers.
        module: `module:class`, imported on use.
    """

    settings: type[Design]
    module: str
    key: ClassVar[str] = "name"
    """The field of the settings that names the design."""

    @property
    def name(self) -> str:
        """Name of the design, as it stands in `macaw.yaml`."""
        return str(getattr(self.settings(), self.key))


Entry = TypeVar("Entry", bound=DesignEntry)


def with_plug_ins(
    group: str, kind: type[Entry], what: str, built_in: Iterable[Entry], reserved: Container[str] = ()
) -> tuple[Mapping[str, Entry], Mapping[str, str]]:
    """The rows of macaw and of other packages by name, and the packages of the latter.

    Args:
        group: of the entry points.
        kind: class of the rows.
        what: a design is, as in "adds a bridge".
        built_in: the rows of macaw.
        reserved: names that neither a design nor an option may have.

    Raises:
        UsageError: what a package adds is no row, its settings cannot be used, or its name is taken.
    """
    rows = {row.name: row for row in built_in}
    packages = {}
    for package, found in plug_ins(group):
        if wrong := _problem(found, kind, rows, reserved):
            raise UsageError(
                f"The package {package} adds {what} that cannot be used: {wrong}.",
                f"Repair the package, or uninstall it: pip uninstall {package}.",
            )
        rows[found.name], packages[found.name] = found, package
    return MappingProxyType(rows), MappingProxyType(packages)


def _problem(row: Any, kind: type, taken: Container[str], reserved: Container[str]) -> str:
    """What is wrong with a row; empty where nothing is."""
    if not isinstance(row, kind):
        return f"its entry point names a {type(row).__name__}, not a {kind.__name__}"
    found: Any = row
    if not isinstance(found.settings, type) or not is_dataclass(found.settings):
        return "its settings are not a dataclass"
    if not _PLACE.fullmatch(str(found.module)):
        return f"its module must be written as module:Class, found {found.module!r}"
    return _problem_of_settings(found.settings, found.key, taken, reserved)


def _problem_of_settings(settings: type, key: str, taken: Container[str], reserved: Container[str]) -> str:
    kind, options = settings.__name__, {one.name: one for one in fields(settings)}
    open_ones = [name for name, one in options.items() if one.default is one.default_factory is MISSING]
    name = options[key].default if key in options else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{kind} needs a field `{key}` whose default is the design's name, in small letters, digits and -"
    if name in taken or name in reserved:
        return f"the name {name} is taken"
    if open_ones:
        return f"the field {open_ones[0]} of {kind} has no default"
    if clashes := [option for option in options if option in reserved]:
        return f"a field of {kind} is called {clashes[0]}, which means something else there"
    try:
        get_type_hints(settings)
        TypeAdapter(settings).validate_python({})
    except (PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError) as error:
        return f"the types of {kind} cannot be checked: {type(error).__name__}: {str(error).splitlines()[0]}"
    return ""
