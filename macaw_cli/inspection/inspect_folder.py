"""`macaw inspect`: recognise a folder, describe it, and on request reread it against its recorded hashes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.inspection.datasets import describe_dataset, verify_dataset
from macaw_cli.inspection.description import Description
from macaw_cli.inspection.feature_stores import describe_feature_store, verify_feature_store
from macaw_cli.inspection.models import describe_model, verify_model
from macaw_cli.inspection.runs import describe_run, verify_run

Damages = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """One kind of folder that macaw writes."""

    name: str
    marker: str
    """File by which it is recognised."""
    describe: Callable[[Path], Description]
    verify: Callable[[Path], Damages]


KINDS = (
    Kind("feature store", "store.json", describe_feature_store, verify_feature_store),
    Kind("dataset", "dataset.json", describe_dataset, verify_dataset),
    Kind("run", "settings.yaml", describe_run, verify_run),
    Kind("model", "config.json", describe_model, verify_model),
)


def inspect_folder(folder: Path, *, verify: bool, as_json: bool) -> None:
    """Print what is in `folder`.

    Args:
        folder: anything that macaw wrote.
        verify: reread every file that has a recorded hash first.
        as_json: print one JSON object instead of lines and tables.

    Raises:
        InputError: there is no such folder, or it is none of the kinds.
        DamagedError: a file is missing, cut or changed; each is named.
    """
    kind = recognise(folder)
    damaged = _verified(kind, folder) if verify else []
    if damaged:
        _report(kind, folder, damaged, as_json)
    description = kind.describe(folder)
    if as_json:
        console.result_json({**description.as_json(), **({"damaged": []} if verify else {})})
        return
    description.show()
    if verify:
        console.result("Every file is as it was written.")
    if description.next_step:
        console.say(f"Next: {description.next_step}")


def recognise(folder: Path) -> Kind:
    """Which kind of folder this is.

    Raises:
        InputError: there is no such folder, or it is none of the kinds; the message says what was looked for.
    """
    if folder.is_file():
        raise InputError(f"{folder} is a file; macaw inspect takes a folder.", f"Try: macaw inspect {folder.parent}")
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Give a feature store, dataset, run or model.")
    for kind in KINDS:
        if (folder / kind.marker).is_file() and (kind.name != "model" or _is_macaw(folder / kind.marker)):
            return kind
    markers = ", ".join(f"{kind.marker} ({kind.name})" for kind in KINDS)
    raise InputError(f"{folder} holds nothing that macaw wrote: looked for {markers}.", _suggestion(folder))


def _is_macaw(config: Path) -> bool:
    content = read_json(config)
    return isinstance(content, dict) and content.get("model_type") == "macaw"


def _suggestion(folder: Path) -> str:
    inside = [entry for entry in sorted(folder.iterdir()) if any((entry / kind.marker).is_file() for kind in KINDS)]
    if inside:
        return f"Inside it there is one: macaw inspect {inside[0]}"
    if (folder / "config.json").is_file():
        return "Its config.json is of another model type than `macaw`."
    return "An unfinished dataset has no dataset.json yet: type `macaw build-dataset` again to finish it."


def _verified(kind: Kind, folder: Path) -> list[tuple[str, str]]:
    checked = []
    for name, problem in kind.verify(folder):
        checked.append((name, problem))
        console.say(f"{name}: {problem or 'whole'}")
    if not checked:
        console.say("Nothing here has a recorded hash.")
    return [(name, problem) for name, problem in checked if problem]


def _report(kind: Kind, folder: Path, damaged: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        files = [{"file": name, "problem": problem} for name, problem in damaged]
        console.result_json({"kind": kind.name, "path": str(folder), "damaged": files})
    raise DamagedError(
        f"The {kind.name} {folder} is damaged: {'; '.join(f'{name}: {problem}' for name, problem in damaged)}.",
        "Restore these files from a copy, or make them again.",
    )
