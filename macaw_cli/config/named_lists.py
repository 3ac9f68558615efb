"""Lists of variants, such as `dataset.filters:`, each given by its name alone or with its options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag

from macaw_cli.config.named_designs import require_design
from macaw_cli.config.setting_types import ShortForm

KEY = "name"
"""Of a variant's name in its section."""


@dataclass(frozen=True)
class VariantForm(ShortForm):
    """A variant given in its short form; a name that none has is refused."""

    variants: Mapping[str, type]
    """Name to settings."""

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = self.section(value)
        if not isinstance(section, tuple(self.variants.values())):
            require_design(section.get(KEY) if isinstance(section, Mapping) else section, self.variants)
        return section

    def section(self, value: Any) -> Any:
        """The section that a text is short for; anything else as it is."""
        return super().__call__(value)


def list_of(form: VariantForm, prefix: str, check: Callable[[Any], Any]) -> Any:
    """The type of a list of variants, of which one may stand without the brackets.

    Args:
        form: of one.
        prefix: begins the tags of the union, see `setting_types.TAG`.
        check: gets the whole list, and returns it.
    """

    def tag(value: Any) -> str:
        return f"{prefix}{value.get(KEY) if isinstance(value, Mapping) else getattr(value, KEY, '')}"

    tagged = tuple(Annotated[kind, Tag(f"{prefix}{name}")] for name, kind in form.variants.items())
    one: Any = Annotated[Union[tagged], Discriminator(tag), form.validator()]  # noqa: UP007
    return Annotated[tuple[one, ...], BeforeValidator(_listed), AfterValidator(check)]


def each_once(what: str) -> Callable[[Any], Any]:
    """A check that every name stands once; `what` is a variant for people, as in "filter"."""

    def check(chosen: Any) -> Any:
        names = [one.name for one in chosen]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"names the {what} {twice[0]} twice")
        return chosen

    return check


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | Mapping) else value
