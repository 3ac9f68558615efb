"""Which family a checkpoint belongs to, told by `--from` or by its config.json, and whether it can be imported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.export.families.family import Family
from macaw_cli.export.families.registry import FAMILIES, family, family_of
from macaw_cli.model.folder import CONFIG_FILE, MODEL_FOLDER

OWN = "macaw"
"""What `--from` calls the published Macaw-LLM weights."""
PUBLISHED_TYPE = "mm_llms"
"""`model_type` in the config.json of the published Macaw-LLM's code."""
PARTS = ("text_config", "llm_config", "vision_config", "audio_config", "qformer_config", "encoder_config")
"""Sections of a config.json that only a model of several parts has."""

NOT_IMPORTED = {
    "llava_next": (
        "LLaVA-NeXT splits an image into tiles, and macaw sees an image as a whole.", "Import LLaVA 1.5 (--from llava)."
    ),
}
"""`model_type` of checkpoints that are near to a family, to why they are not imported and what to do instead."""


def chosen_family(place: Path, wanted: str = "") -> type[Family] | None:
    """The family of a checkpoint.

    Args:
        place: a file or folder.
        wanted: `--from`; empty where the folder's config.json is to tell.

    Returns:
        The family; None for the published Macaw-LLM weights.

    Raises:
        UsageError: there is no family called `wanted`.
        InputError: the folder is of another family, or of one that macaw cannot import.
    """
    _require_imported(wanted)
    if wanted not in ("", OWN, *FAMILIES):
        raise UsageError(f"`--from {shown(wanted)}`: expected one of {OWN}, {', '.join(FAMILIES)}.")
    if not place.exists():
        raise InputError(f"There is no {place}.", "Name the folder of a checkpoint, or a .safetensors or .bin file.")
    folder = place if place.is_dir() else place.parent
    there = (folder / CONFIG_FILE).is_file()
    said = read_object(folder / CONFIG_FILE, OBJECT) if there and (place.is_dir() or wanted != OWN) else {}
    kind = str(said.get("model_type", ""))
    _require_no_own_model(place, kind)
    if wanted == OWN or (not wanted and kind in ("", PUBLISHED_TYPE)):
        return None
    _require_folder(place, there)
    _require_imported(kind)
    found = family_of(kind)
    if wanted and found is not family(wanted):
        hint = f"Use --from {found.name}." if found else f"Its families are {', '.join(FAMILIES)}."
        raise InputError(f"{place} holds a model of type {shown(kind)}, which is not of the family {wanted}.", hint)
    if found is None:
        raise _of_no_family(place, kind, is_whole=any(part in said for part in PARTS))
    if not wanted:
        say(f"{place / CONFIG_FILE} says {kind}: the checkpoint is read as --from {found.name}.")
    _require_importable(place, said)
    return found


def _require_no_own_model(place: Path, kind: str) -> None:
    """Refuse a model folder or a run of macaw, which need no import.

    Raises:
        InputError: it is one of those.
    """
    runs_model = place / MODEL_FOLDER / CONFIG_FILE
    if kind == "macaw" or (not kind and runs_model.is_file()
                           and read_object(runs_model, OBJECT).get("model_type") == "macaw"):  # fmt: skip
        own = place if place.is_dir() else place.parent
        raise InputError(
            f"{place} is a model of macaw already, and needs no import.",
            f"Use it as it is: {to_type('macaw', 'chat', own)}",
        )


def _require_folder(place: Path, there: bool) -> None:
    """Refuse what is no folder in the transformers format.

    Raises:
        InputError: it has no config.json, or is a file of such a folder.
    """
    if not place.is_dir():
        problem = f"{place} is one file, but a checkpoint in the transformers format is a folder."
        hint = f"Name its folder: {place.parent}" if there else "Name the folder that `hf download` made."
        raise InputError(problem, f"{hint} Published Macaw-LLM weights are read with --from {OWN}.")
    if not there:
        problem = f"{place} is no checkpoint in the transformers format: it has no {CONFIG_FILE}."
        raise InputError(problem, "Name the folder that `hf download` made.")


def _of_no_family(place: Path, kind: str, *, is_whole: bool) -> InputError:
    alone = "" if is_whole else (
        " An LLM or an encoder alone needs no import: name its folder in macaw.yaml, as `llm` or below `features`."
    )  # fmt: skip
    return InputError(
        f"{place} holds a model of type {shown(kind)}, which macaw cannot import.",
        f"It imports the families {', '.join(FAMILIES)}, and published Macaw-LLM weights with --from {OWN}; see "
        f"docs/import.md.{alone}",
    )


def _require_imported(name: str) -> None:
    """Refuse what is near to a family, with the reason.

    Raises:
        InputError: it is one of those.
    """
    if name in NOT_IMPORTED:
        problem, hint = NOT_IMPORTED[name]
        raise InputError(problem, hint)


def _require_importable(place: Path, said: Mapping[str, Any]) -> None:
    """Refuse weights and parts that cannot be read, before anything is loaded.

    Raises:
        InputError: quantised weights, or a part of a type that transformers does not have.
    """
    sections = {name: said[name] for name in PARTS if isinstance(said.get(name), Mapping)}
    for section in (said, *sections.values()):
        if section.get("quantization_config"):
            raise InputError(
                f"The weights in {place} are quantised.", "Name the checkpoint with its weights in fp16 or bf16."
            )
    for name, section in sections.items():
        kind = section.get("model_type")
        if kind is not None and kind not in CONFIG_MAPPING:
            code = "auto_map" in section or "auto_map" in said
            hint = "macaw runs no code from model folders." if code else "A newer transformers may have it."
            raise InputError(f"{place}: {name} is of type {shown(kind)}, which transformers does not have.", hint)
