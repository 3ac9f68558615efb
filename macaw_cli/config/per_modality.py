"""Settings with one key for each modality of the table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import Field

from macaw_cli.modalities.entry import ModalityEntry
from macaw_cli.modalities.table import TABLE

Value = TypeVar("Value")


class Key(NamedTuple):
    """One key of such settings."""

    kind: Any
    """Its type, as an annotation."""
    default: Callable[[], Any]
    """Makes its default."""
    about: str
    """Its documentation."""


@dataclass(frozen=True, kw_only=True, init=False)
class PerModality(Generic[Value]):
    """A frozen dataclass whose fields are the modalities of the table, those of other packages included.

    A subclass names the function that makes the key of a row: `class Views(PerModality[View], key=view_key)`.
    """

    def __init_subclass__(cls, key: Callable[[ModalityEntry], Key]) -> None:
        """Give the class its fields."""
        super().__init_subclass__()
        cls.__annotations__ = {}
        for name, row in TABLE.items():
            made = key(row)
            cls.__annotations__[name] = Annotated[made.kind, Field(description=made.about)]
            setattr(cls, name, field(default_factory=made.default))
        dataclass(frozen=True, kw_only=True)(cls)

    def __init__(self, **values: Value) -> None:
        """What the dataclass's own replaces."""

    def of(self, modality: str) -> Value:
        """The value of one modality."""
        found: Value = getattr(self, modality)
        return found

    def unused(self) -> list[str]:
        """The modalities beside the original three for which nothing is set.

        They are not written down, so that what was written can be read by an earlier macaw, or where the package that
        adds one is not installed.
        """
        usual = type(self)()
        return [name for name, row in TABLE.items() if not row.original and self.of(name) == usual.of(name)]
