"""The designs of injections by name, and `injection:`, which is one of them."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from pydantic import Discriminator, Tag
from pydantic_core import PydanticCustomError

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.setting_types import TAG, ShortForm

InjectionSettings = NoInjectionSettings | GatedCrossAttentionSettings
DESIGNS: dict[str, type[InjectionSettings]] = {
    "none": NoInjectionSettings,
    "gated-cross-attention": GatedCrossAttentionSettings,
}
DEFAULT = "none"
"""The design where none is named."""
INJECTION_FORMS = {f"{TAG}{name}": kind for name, kind in DESIGNS.items()}
"""Tag to the settings that it stands for."""


class InjectionForm(ShortForm):
    """A design given by its name alone; a name that no design has is refused."""

    default = DEFAULT

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        name = section.get("name", DEFAULT) if isinstance(section, Mapping) else DEFAULT
        if not isinstance(name, str) or name not in DESIGNS:
            close = difflib.get_close_matches(str(name), DESIGNS, n=1)
            hint = f" (did you mean `{close[0]}`?)" if close else ""
            words = f"must be one of {', '.join(f'`{known}`' for known in DESIGNS)}, found {name!r}{hint}"
            raise PydanticCustomError("unknown_variant", "{words}", {"words": words, "key": "name"})
        return section

    def chosen(self, section: dict[str, Any], value: Any) -> dict[str, Any]:
        """The section with another design, whose options start with their defaults; with the same, the section."""
        return section if section.get("name", DEFAULT) == value else {"name": value}


def _tag(value: Any) -> str:
    name = value.get("name", DEFAULT) if isinstance(value, Mapping) else getattr(value, "name", DEFAULT)
    return f"{TAG}{name}"


AnyInjection = Annotated[
    Annotated[NoInjectionSettings, Tag(f"{TAG}none")]
    | Annotated[GatedCrossAttentionSettings, Tag(f"{TAG}gated-cross-attention")],
    Discriminator(_tag),
    InjectionForm("name").validator(),
]
"""`injection:` as it may be written; the name alone is enough."""


def read_injection(saved: Mapping[str, Any]) -> InjectionSettings:
    """The settings of an injection as a model's configuration holds them: plain values.

    Raises:
        MismatchError: no such design or option, as in a model that a newer macaw saved.
    """
    name = saved.get("name", DEFAULT)
    known = [one.name for one in fields(DESIGNS[name])] if name in DESIGNS else []
    unknown = sorted(set(saved) - set(known))
    if name not in DESIGNS or unknown:
        what = f"the option {unknown[0]} of the injection {name}" if known else f"the injection {name}"
        raise MismatchError(f"This macaw does not know {what}.", "Use the macaw that saved the model, or a newer one.")
    return DESIGNS[name](**saved)
