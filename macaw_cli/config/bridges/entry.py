"""One row of the table of bridges, and what a row has to be."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import MODALITIES

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PLACE = re.compile(r"[\w.]+:\w+")


class BridgeDesign(Protocol):
    """Settings of one design of a bridge: a frozen dataclass whose field `name` has the design's name as default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """Name of the design."""


@dataclass(frozen=True)
class BridgeEntry:
    """One row of the table: a design's settings, and where its module is.

    Attributes:
        settings: a frozen dataclass, see `BridgeDesign`. Every field has a default. It is checked without torch: its
            module must not import torch, numpy or transformers.
        module: `module:class` of a subclass of `macaw_cli.model.bridges.bridge.Bridge`, imported on use.
    """

    settings: type[BridgeDesign]
    module: str

    @property
    def name(self) -> str:
        """Name of the design, as it stands in `bridge:`."""
        return self.settings().name


def require_usable(row: Any, taken: Mapping[str, BridgeEntry], package: str) -> BridgeEntry:
    """The row that a package adds to the table, checked.

    Args:
        row: what its entry point names.
        taken: the rows before it, by name.
        package: who adds it, for the message.

    Raises:
        UsageError: it is no row, its settings cannot be used, or its name is taken.
    """
    wrong = _problem(row, taken)
    if wrong:
        raise UsageError(
            f"The package {package} adds a bridge that cannot be used: {wrong}.",
            f"Repair the package, or uninstall it: pip uninstall {package}.",
        )
    checked: BridgeEntry = row
    return checked


def _problem(row: Any, taken: Mapping[str, BridgeEntry]) -> str:
    """What is wrong with a row; empty where nothing is."""
    if not isinstance(row, BridgeEntry):
        return f"its entry point names a {type(row).__name__}, not a BridgeEntry"
    settings: Any = row.settings
    place: Any = row.module
    if not isinstance(settings, type) or not is_dataclass(settings):
        return "its settings are not a dataclass"
    if not _PLACE.fullmatch(str(place)):
        return f"its module must be written as module:Class, found {place!r}"
    return _problem_of_settings(settings, taken)


def _problem_of_settings(settings: type, taken: Mapping[str, BridgeEntry]) -> str:
    kind, options = settings.__name__, {one.name: one for one in fields(settings)}
    open_ones = [name for name, one in options.items() if one.default is one.default_factory is MISSING]
    name = options["name"].default if "name" in options else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{kind} needs a field `name` whose default is the design's name, in small letters, digits and -"
    if name in taken or name in MODALITIES:
        return f"the name {name} is taken"
    if open_ones:
        return f"the field {open_ones[0]} of {kind} has no default"
    if modalities := [option for option in options if option in MODALITIES]:
        return f"a field of {kind} is called {modalities[0]}, which is a modality"
    try:
        get_type_hints(settings)
        TypeAdapter(settings).validate_python({})
    except (PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError) as error:
        return f"the types of {kind} cannot be checked: {type(error).__name__}: {str(error).splitlines()[0]}"
    return ""
