"""From `macaw.yaml` and `--set a.b=c` to checked `Settings`, with errors that name the dotted key."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.redaction import redacted_tree
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.basics.urls import is_url, local_place
from macaw_cli.basics.yaml_text import read_yaml
from macaw_cli.config.overrides import apply_override, in_order, origin_of, refuse_unread_llm
from macaw_cli.config.per_modality import PerModality
from macaw_cli.config.recipes import Preset, lay_recipe_over
from macaw_cli.config.setting_types import TAG, section_classes
from macaw_cli.config.settings import FORMAT_VERSION, Settings
from macaw_cli.config.variant_forms import VARIANT_FORMS

CONFIG_NAME = "macaw.yaml"
PLAIN_WORDS = {
    "dataclass_type": "must be a section of `key: value` lines",
    "tuple_type": "must be a list",
    "string_type": "must be text",
}
"""For what pydantic says in the words of Python."""
NOT_KEYS = (TAG, "function-", "constrained-")
"""How the parts of an error's place begin that pydantic adds to the keys."""
TOLD = 20
"""Mistakes in one file that a message names."""
EVERY_KEY = "`macaw init` writes a macaw.yaml with comments; docs/configuration.md in macaw's source lists every key."
EVERY_OPTION = "--help lists the options; docs/configuration.md in macaw's source lists every key of --set."


@dataclass(frozen=True)
class Workspace:
    """A folder and its settings; relative paths in the settings are relative to the folder."""

    root: Path
    settings: Settings

    def path(self, value: str | Path) -> Path:
        """`value` as it stands when absolute, else below the workspace's folder; `file://` URLs are paths too.

        Raises:
            UsageError: `value` is a URL.
        """
        if is_url(str(value)):
            raise UsageError(
                f"{value} is a URL, but a path on this machine is needed.",
                "Copy it to this machine first.",
            )
        return Path(os.path.normpath(self.root / Path(local_place(str(value))).expanduser()))

    def place(self, value: str) -> str:
        """Like `path`, but a URL is a place as well, and stays as it is."""
        return value if is_url(value) else str(self.path(value))

    def model_source(self, value: str) -> str:
        """A model named in the settings: an existing folder of the workspace, else a hub id, unchanged."""
        return str(self.path(value)) if value and not is_url(value) and self.path(value).exists() else value


def open_workspace(
    config: Path | None = None,
    overrides: Sequence[str] = (),
    *,
    preset: Preset | None = None,
    options: Mapping[str, str] | None = None,
) -> Workspace:
    """The workspace of `config`, or of the current folder; without a `macaw.yaml` the defaults hold.

    Args:
        config: a `macaw.yaml`, or a folder that holds one.
        overrides: `a.b=c` each; the value is read as YAML.
        preset: name of a preset whose recipe is laid over the file before the overrides.
        options: more overrides, applied last: each to the option that was typed for it, which messages name.

    Raises:
        UsageError: no such file, an unknown key, a wrong type or an impossible value; or an LLM that is not read.
    """
    file = _config_file(config)
    tree = _read_yaml(file) if file else {}
    if file and "version" in tree:
        require_version(tree["version"], FORMAT_VERSION, file)
    if preset:
        lay_recipe_over(tree, preset)
    typed = {override: f"--set {override}" for override in overrides} | dict(options or {})
    ordered = in_order(typed)
    for override in ordered:
        apply_override(tree, override)
    told = {override: typed[override] for override in ordered}
    settings = parse_settings(tree, str(file or ""), told)
    refuse_unread_llm(settings, told)
    return Workspace(workspace_root(config), settings)


def workspace_root(config: Path | None = None) -> Path:
    """The folder of the workspace of `config`, absolute: where the relative paths of its settings start.

    Raises:
        UsageError: no such file.
    """
    file = _config_file(config)
    try:
        return Path(os.path.normpath((file.parent if file else Path.cwd()).absolute()))
    except FileNotFoundError:
        raise UsageError("The current folder was deleted.", "Change to another folder.") from None


def parse_settings(tree: dict[str, Any], origin: str, typed: Mapping[str, str] | None = None) -> Settings:
    """Check a tree of plain values.

    Args:
        tree: what the YAML held, overrides included.
        origin: where it came from, for the message.
        typed: each override, in the order in which they were applied, to how it was typed.

    Raises:
        UsageError: all problems at once, each with its dotted key and where its value came from.
    """
    _refuse_nul(tree, origin)
    try:
        return _adapter().validate_python(tree)
    except ValidationError as error:
        keys = {override.partition("=")[0]: words for override, words in (typed or {}).items()}
        problems: dict[str, dict[str, None]] = {}
        for item in error.errors()[:TOLD]:
            problems.setdefault(origin_of(_key(item), origin, keys, item["msg"]), {})[_problem(item)] = None
        told = " ".join(f"In {place}: {'; '.join(found)}." for place, found in problems.items())
        more = f" And {error.error_count() - TOLD} more problems." if error.error_count() > TOLD else ""
        in_file = any(not place.startswith("--") or (origin and origin in place) for place in problems)
        raise UsageError(told + more, EVERY_KEY if in_file else EVERY_OPTION) from None


@cache
def _adapter() -> TypeAdapter[Settings]:
    """Building the validator takes much longer than using it."""
    return TypeAdapter(Settings)


def settings_yaml(settings: Settings, *, redact: bool = False) -> str:
    """The settings as the YAML that reads back to the same, but for the secrets of URLs where `redact` is set."""
    plain = _plain(asdict(settings))
    for name in plain:
        if isinstance(section := getattr(settings, name), PerModality):
            plain[name] = {key: value for key, value in plain[name].items() if key not in section.unused()}
    return yaml.safe_dump(redacted_tree(plain) if redact else plain, sort_keys=False, allow_unicode=True)


def known_keys(cls: type = Settings, prefix: str = "") -> Iterator[str]:
    """Every dotted key, sections before their fields."""
    for name, hint in get_type_hints(cls).items():
        if name in {field.name for field in fields(cls)}:
            yield prefix + name
            listed = get_args(hint)[0] if get_origin(hint) is tuple else None
            place = f"{prefix}{name}[]." if listed else f"{prefix}{name}."
            sections = section_classes(listed or hint)  # several where the section is one of several variants
            yield from dict.fromkeys(key for section in sections for key in known_keys(section, place))


def _refuse_nul(content: Any, origin: str, key: str = "") -> None:
    """No name of a file or model holds this character, and the system's own error for it is no clear one."""
    if isinstance(content, str) and "\0" in content:
        raise UsageError(f"In {origin or 'the settings'}: `{key}` holds a NUL character.")
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, part in parts:
        _refuse_nul(part, origin, f"{key}.{name}" if key else str(name))


def _config_file(config: Path | None) -> Path | None:
    if config is None:
        return Path(CONFIG_NAME) if os.path.lexists(CONFIG_NAME) else None
    file = config / CONFIG_NAME if config.is_dir() else config
    if not os.path.lexists(file):
        raise UsageError(f"There is no {file}.", "`macaw init` writes one.")
    return file


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        tree = read_yaml(file, UsageError) or {}
    except InputError as error:  # a folder, a pipe or a device
        raise UsageError(error.problem, error.hint) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    if not isinstance(tree, dict):
        raise UsageError(f"{file} must hold `key: value` lines, found {type(tree).__name__}.")
    return {key: value for key, value in tree.items() if value is not None}  # a section may be left empty


def _key(item: Any) -> str:
    inner = [item["ctx"]["key"]] if item["type"] == "unknown_variant" else []
    return ".".join(str(part) for part in [*item["loc"], *inner] if not str(part).startswith(NOT_KEYS))


def _problem(item: Any) -> str:
    key = _key(item)
    if item["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"unknown key `{cut(key)}`{_nearest(key, item['loc'])}"
    message = PLAIN_WORDS.get(item["type"]) or item["msg"].removeprefix("Value error, ")
    told = f"`{cut(key)}`: {message[0].lower()}{message[1:]}"
    if item["type"] == "unknown_variant":
        return told  # with what was found
    whole_section = item["type"] == "value_error" and isinstance(item["input"], dict)  # its values do not go together
    return told if whole_section else f"{told}, found {shown(item['input'])}"


def _nearest(key: str, loc: Sequence[Any]) -> str:
    known, leaf = list(known_keys()), key.rpartition(".")[2]
    if own := _keys_of_variant(loc):
        return _nearest_of_variant(key, own, known)
    close = closest(key, known, 3)
    leaves = closest(leaf, {name.rpartition(".")[2] for name in known}, len(known), likeness=0.8)
    close += [name for name in known if name.rpartition(".")[2] in leaves]
    return _did_you_mean(list(dict.fromkeys(close))[:3])


def _nearest_of_variant(key: str, own: Sequence[str], known: Sequence[str]) -> str:
    """Names like an unknown key in the same section; where none is, or it is another variant's, all of this one."""
    section, _, leaf = key.rpartition(".")
    siblings = [*own, *(name for name in known if name.rpartition(".")[0] == section)]
    leaves = {name.rpartition(".")[2]: name for name in siblings}
    close = [] if leaf in leaves else [leaves[name] for name in closest(leaf, leaves, 3, likeness=0.7)]
    return _did_you_mean(close) or f" (possible here: {', '.join(f'`{name}`' for name in own)})"


def _did_you_mean(names: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(f'`{name}`' for name in names)}?)" if names else ""


def _keys_of_variant(loc: Sequence[Any]) -> list[str]:
    """Dotted keys of the variant in which an error stands; none where its section has no variants."""
    tags = [part for part in loc if str(part).startswith(TAG)]
    section = ".".join(str(part) for part in loc[:-1] if not str(part).startswith(NOT_KEYS))
    return [f"{section}.{field.name}" for field in fields(VARIANT_FORMS[tags[-1]])] if tags else []


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
