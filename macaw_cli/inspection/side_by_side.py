"""`macaw inspect` with several paths: runs are compared with runs, two datasets with each other."""

from collections.abc import Sequence
from pathlib import Path

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.urls import is_url
from macaw_cli.inspection.dataset_comparison import show_dataset_comparison
from macaw_cli.inspection.inspect_folder import PageRequest, recognise

COMPARABLE = ("run", "dataset")


def compare_folders(places: Sequence[str], *, as_json: bool, page: PageRequest | None = None) -> None:
    """Print in what the folders differ.

    Args:
        places: runs, or two datasets.
        as_json: print one JSON object instead of tables.
        page: also write a page (runs).

    Raises:
        UsageError: folders of different kinds or of another kind, one that is named twice, a URL, more than two
            datasets, or a page of datasets.
        InputError: there is no such folder, or it is nothing that macaw wrote.
        DamagedError: a file is not what macaw writes.
        MismatchError: a newer macaw wrote one.
    """
    kinds: dict[Path, str] = {}
    for place in places:
        if is_url(place):
            raise UsageError(
                f"{place} is a URL, but only local folders can be compared.", "Copy it to this machine first."
            )
        kinds[Path(place)] = recognise(Path(place)).name
    _require_comparable(kinds)
    _require_different(places)
    if "dataset" in kinds.values():
        if page:
            raise UsageError("There is no page that compares datasets.", "Leave --html out.")
        show_dataset_comparison(list(kinds), as_json=as_json)
        return
    from macaw_cli.inspection.run_comparison import compare_runs  # imports every setting

    compare_runs(list(kinds), as_json=as_json, page=page)


def _require_comparable(kinds: dict[Path, str]) -> None:
    for folder, kind in kinds.items():
        if kind not in COMPARABLE:
            raise UsageError(
                f"Only runs or datasets can be compared; {folder} is a {kind}.",
                f"To see it alone: {to_type('macaw', 'inspect', folder)}",
            )
    (first, kind), *others = kinds.items()
    for folder, other in others:
        if other != kind:
            raise UsageError(
                f"{first} is a {kind} and {folder} is a {other}: they cannot be compared.",
                "Name only runs, or two datasets.",
            )


def _require_different(places: Sequence[str]) -> None:
    seen: set[Path] = set()
    for place in places:
        if Path(place).resolve() in seen:
            raise UsageError(f"{place} is named twice.", "Name different folders, or a single one.")
        seen.add(Path(place).resolve())
