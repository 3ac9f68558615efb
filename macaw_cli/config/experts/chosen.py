"""`dataset.experts:` a list of experts, each by its name alone or with its options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag

from macaw_cli.config.design_entries import Design
from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.named_designs import require_design
from macaw_cli.config.setting_types import TAG, ShortForm

EXPERT_FORMS = {f"{TAG}{name}": row.settings for name, row in TABLE.items()}
"""Tag to the settings that it stands for."""


class ExpertForm(ShortForm):
    """An expert given by its name alone; a name that no expert has is refused."""

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        if not isinstance(section, tuple(row.settings for row in TABLE.values())):
            require_design(section.get("name") if isinstance(section, Mapping) else section, TABLE)
        return section


def _tag(value: Any) -> str:
    name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", "")
    return f"{TAG}{name}"


def _listed(value: Any) -> Any:
    """One expert may stand without the brackets."""
    return (value,) if isinstance(value, str | Mapping) else value


def _each_once(chosen: tuple[Design, ...]) -> tuple[Design, ...]:
    """A training chooses experts by their names."""
    names = [one.name for one in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"names the expert {twice[0]} twice")
    return chosen


if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyExperts = tuple[Design, ...]
else:
    _TAGGED = tuple(Annotated[kind, Tag(tag)] for tag, kind in EXPERT_FORMS.items())
    _EXPERT = Annotated[Union[_TAGGED], Discriminator(_tag), ExpertForm("name").validator()]  # noqa: UP007
    AnyExperts = Annotated[tuple[_EXPERT, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
    """A list of experts as it may be written."""
