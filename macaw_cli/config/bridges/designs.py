"""The designs of bridges by name, and `bridge:`, which is one design for all modalities or one for each."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.bridges.entry import BridgeDesign
from macaw_cli.config.bridges.table import DEFAULT, DESIGNS, default_design
from macaw_cli.config.named_designs import require_design, saved_design
from macaw_cli.config.per_modality import Key, PerModality
from macaw_cli.config.setting_types import TAG, ShortForm
from macaw_cli.modalities.entry import ModalityEntry
from macaw_cli.modalities.table import MODALITIES, TABLE

PER_MODALITY = "per modality"
"""Tag of the form with one design per modality."""
UNITED_FIELDS = {
    "name", "variant", "image_tokens", "audio_tokens", "video_tokens", "heads", "dropout", "layers",
}  # fmt: skip
"""What a bridge was saved with when all designs shared one set of settings."""


def _name(value: Any) -> str:
    """The tag of one design: of plain values or of settings."""
    name = value.get("name", DEFAULT) if isinstance(value, Mapping) else getattr(value, "name", DEFAULT)
    return f"{TAG}{name}"


def _form(value: Any) -> str:
    """The tag of `bridge:` as a whole."""
    plain = isinstance(value, Mapping) and bool(_named_modalities(value))
    return TAG + PER_MODALITY if plain or isinstance(value, BridgePerModality) else _name(value)


class DesignForm(ShortForm):
    """A design given by its name alone; a name that no design has is refused."""

    default = DEFAULT

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        if isinstance(section, Mapping) and "name" in section:
            require_design(section["name"], DESIGNS)
        return section

    def chosen(self, section: dict[str, Any], name: Any) -> dict[str, Any]:
        """The section with another design, whose options start with their defaults; with the same, the section."""
        same = section.get("name", DEFAULT) == name and not _named_modalities(section)
        return {**section, "name": name} if same else {"name": name}


class BridgeForm(DesignForm):
    """`bridge:` as a whole: also one design per modality."""

    def __call__(self, value: Any) -> Any:
        """A design beside modalities, `{name: mlp, audio: linear}`, is that of the modalities not named."""
        section = super().__call__(value)
        if not isinstance(section, Mapping) or "name" not in section or not _named_modalities(section):
            return section
        named = _named_modalities(section)
        shared = {key: option for key, option in section.items() if key not in named}
        others = {name: shared for name in MODALITIES if name not in named}
        return {**named, **others} if others else section


_TAGGED = tuple(Annotated[kind, Tag(f"{TAG}{name}")] for name, kind in DESIGNS.items())


def _key(row: ModalityEntry) -> Key:
    """A design with its own options; the name alone is enough."""
    one = Annotated[Union[_TAGGED], Discriminator(_name), DesignForm("name").validator()]  # type: ignore  # noqa
    about = f"A design for {row.plural}, by its name or with its options."
    return Key(one, partial(default_design, row.default_bridge, row.bridge_options), about)


class BridgePerModality(PerModality[BridgeDesign], key=_key):
    """One design per modality; a modality that is not named takes its default design."""


BridgeSettings = BridgeDesign | BridgePerModality
BRIDGE_FORMS = {f"{TAG}{name}": kind for name, kind in DESIGNS.items()} | {TAG + PER_MODALITY: BridgePerModality}
"""Tag to the settings that it stands for."""
if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyBridge = BridgeSettings
else:
    _FORMS = (*_TAGGED, Annotated[BridgePerModality, Tag(TAG + PER_MODALITY)])
    AnyBridge = Annotated[Union[_FORMS], Discriminator(_form), BridgeForm("name").validator()]  # noqa: UP007
    """`bridge:` as it may be written."""


def design_of(bridge: BridgeSettings, modality: str) -> BridgeDesign:
    """The settings of one modality's bridge."""
    found = chosen_for(bridge, [modality])
    return found.of(modality) if isinstance(found, BridgePerModality) else found


def chosen_for(bridge: BridgeSettings, modalities: Iterable[str]) -> BridgeSettings:
    """The bridge as it is set, or the modalities' own defaults where nothing is set and they differ.

    `bridge: macaw` without options is what nothing being set means: a modality such as `series` then has its default.
    """
    if bridge != default_design() or all(TABLE[name].default_bridge == DEFAULT for name in modalities if name in TABLE):
        return bridge
    return BridgePerModality()


def saved_bridge(bridge: BridgeSettings, modalities: Iterable[str]) -> dict[str, Any]:
    """The plain values that a model's configuration holds.

    Args:
        bridge: as set.
        modalities: of the model; of the others only the original three are written down.
    """
    chosen = chosen_for(bridge, modalities)
    unused = chosen.unused() if isinstance(chosen, BridgePerModality) else []
    return {name: value for name, value in asdict(chosen).items() if name not in unused or name in modalities}


def bridge_label(bridge: BridgeSettings, modalities: Iterable[str] = ()) -> str:
    """The names of the designs, each once, joined by `-`.

    Args:
        bridge: as set.
        modalities: those of the data; the original three where there are none.
    """
    used = [name for name in MODALITIES if name in modalities] or [name for name in MODALITIES if TABLE[name].original]
    return "-".join(dict.fromkeys(design_of(bridge, modality).name for modality in used))


def bridge_in_words(saved: Any, modalities: Iterable[str] = ()) -> str:
    """The names of the designs in plain values, as `mlp` or `mlp (image), frame-stack (audio)`.

    Args:
        saved: `bridge` of settings or of a model's configuration; anything else is named as it stands.
        modalities: those to name; by default the original three, where they are there.
    """
    if not isinstance(saved, Mapping):
        return str(saved)
    named = _named_modalities(saved)
    shown = list(modalities) or [name for name in named if TABLE[name].original] or named
    of = {name: _name_in(found) for name, found in named.items() if name in shown}
    names = set(of.values())
    if len(names) > 1:
        return ", ".join(f"{design} ({name})" for name, design in of.items())
    return next(iter(names), _name_in(saved))


def _name_in(saved: Any) -> str:
    return str(saved.get("name", DEFAULT) if isinstance(saved, Mapping) else saved)


def design(name: str = DEFAULT, **options: Any) -> BridgeDesign:
    """Settings of one design.

    Args:
        name: of the design.
        **options: its settings; absent ones have their defaults.

    Raises:
        MismatchError: no such design or option, as in a model that a newer macaw saved, or an impossible value.
    """
    found: BridgeDesign = saved_design("bridge", name, options, DESIGNS)
    return found


def read_bridge(saved: Mapping[str, Any], modality: str) -> BridgeDesign:
    """The settings of one modality's bridge as a model's configuration holds them: plain values.

    Raises:
        MismatchError: no such design or option, as in a model that a newer macaw saved, or an impossible value.
    """
    if _named_modalities(saved):
        saved = saved.get(modality, {})
    if not isinstance(saved, Mapping):
        raise MismatchError(f"The bridge of {modality} must be settings, found {shown(saved)}.", "Restore config.json.")
    return design(**without_foreign(saved))


def without_foreign(saved: Any) -> Any:
    """A design as it is saved now, from one that was saved when all designs shared one set of settings.

    Options that only other designs have now are dropped, also where not all of them were written.
    """
    name = saved.get("name", DEFAULT) if isinstance(saved, Mapping) else None
    if not isinstance(name, str) or name not in DESIGNS:
        return saved
    foreign = UNITED_FIELDS - {one.name for one in fields(DESIGNS[name])}
    return {name: value for name, value in saved.items() if name not in foreign}


def _named_modalities(section: Mapping[Any, Any]) -> dict[str, Any]:
    """The keys of a section that name a modality; an option may be called like one, as `depth: 3`."""
    named = {name: section[name] for name in MODALITIES if name in section}
    return {name: one for name, one in named.items() if TABLE[name].original or not isinstance(one, float | int | None)}
