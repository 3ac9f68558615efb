"""The designs of injections by name, and `injection:`, which is one of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from macaw_cli.config.injections.entry import InjectionDesign
from macaw_cli.config.injections.table import DEFAULT, DESIGNS
from macaw_cli.config.named_designs import require_design, saved_design
from macaw_cli.config.setting_types import TAG, ShortForm

INJECTION_FORMS = {f"{TAG}{name}": kind for name, kind in DESIGNS.items()}
"""Tag to the settings that it stands for."""


class InjectionForm(ShortForm):
    """A design given by its name alone; a name that no design has is refused."""

    default = DEFAULT

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        require_design(section.get("name", DEFAULT) if isinstance(section, Mapping) else DEFAULT, DESIGNS)
        return section

    def chosen(self, section: dict[str, Any], value: Any) -> dict[str, Any]:
        """The section with another design, whose options start with their defaults; with the same, the section."""
        return section if section.get("name", DEFAULT) == value else {"name": value}


def _tag(value: Any) -> str:
    name = value.get("name", DEFAULT) if isinstance(value, Mapping) else getattr(value, "name", DEFAULT)
    return f"{TAG}{name}"


if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyInjection = InjectionDesign
else:
    _TAGGED = tuple(Annotated[kind, Tag(f"{TAG}{name}")] for name, kind in DESIGNS.items())
    AnyInjection = Annotated[Union[_TAGGED], Discriminator(_tag), InjectionForm("name").validator()]  # noqa: UP007
    """`injection:` as it may be written; the name alone is enough."""


def read_injection(saved: Mapping[str, Any]) -> InjectionDesign:
    """The settings of an injection as a model's configuration holds them: plain values.

    Raises:
        MismatchError: no such design or option, as in a model that a newer macaw saved, or an impossible value.
    """
    found: InjectionDesign = saved_design("injection", saved.get("name", DEFAULT), saved, DESIGNS)
    return found
