"""Presets: a commented `macaw.yaml` for a purpose, which `macaw init` writes."""

import os
from collections.abc import Sequence
from pathlib import Path

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.owned_folders import require_local
from macaw_cli.config.recipes import FOLDER, Preset


def preset_yaml(preset: Preset, overrides: Sequence[str] = ()) -> str:
    """The preset as the text of a `macaw.yaml`.

    Args:
        preset: which one.
        overrides: `a.b=c` each, changed in the text, which keeps its comments.

    Raises:
        UsageError: an override names an unknown key or gives an impossible value.
    """
    text = (FOLDER / f"{preset}.yaml").read_text(encoding="utf-8")
    if not overrides:
        return text
    import yaml

    from macaw_cli.config.commented_yaml import with_values
    from macaw_cli.config.loading import parse_settings
    from macaw_cli.config.overrides import apply_override, in_order

    tree = yaml.safe_load(text)
    for override in in_order(overrides):
        apply_override(tree, override)
    parse_settings(tree, f"the preset {preset}", {override: f"--set {override}" for override in overrides})
    changed = ", ".join(override.partition("=")[0] for override in overrides)
    return f"# The preset {preset} with other values of {changed}.\n" + with_values(text, yaml.safe_load(text), tree)


def to_fill_in(overrides: Sequence[str]) -> str:
    """What a new `macaw.yaml` still needs of its user, in words; empty where the overrides name it."""
    given = {override.partition("=")[0].strip() for override in overrides}
    needed = {"features.sources": "media", "dataset.sources": "conversations"}
    return " and ".join(words for key, words in needed.items() if key not in given)


def write_preset(preset: Preset, folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Write the preset to `folder`, which is made if need be; never over a file that is there.

    Args:
        preset: which one.
        folder: the workspace to be.
        overrides: as in `preset_yaml`.

    Raises:
        InputError: the folder has a `macaw.yaml`, or is a file.
        UsageError: an override names an unknown key or gives an impossible value.
    """
    from macaw_cli.config.loading import CONFIG_NAME

    file, another = folder / CONFIG_NAME, "Name another folder: macaw init DIR"
    require_local(folder)
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a broken symbolic link.", another)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, but a workspace is a folder.", another)
    if os.path.lexists(file):
        raise InputError(f"{file} exists already and was not changed.", another)
    write_text(file, preset_yaml(preset, overrides))
    return file
