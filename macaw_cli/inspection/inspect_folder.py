"""`macaw inspect`: recognise a folder, describe it, and on request reread it against its recorded hashes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.errors import DamagedError, InputError, UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.urls import is_url, local_place
from macaw_cli.inspection.dataset_verification import verify_dataset
from macaw_cli.inspection.datasets import describe_dataset
from macaw_cli.inspection.description import Description
from macaw_cli.inspection.exports import describe_export, verify_export
from macaw_cli.inspection.feature_stores import describe_feature_store
from macaw_cli.inspection.feature_verification import verify_feature_store
from macaw_cli.inspection.findings import Finding
from macaw_cli.inspection.generations import describe_generation, nothing_to_verify
from macaw_cli.inspection.models import describe_model, verify_model
from macaw_cli.shards.generation_report import REPORT_NAME
from macaw_cli.shards.remote_store import local_copy_of_store, read_record, send_damage_note

FROM_A_COPY = "Restore these files from a copy, or make them again."
EXTRACT_AGAIN = "Run the same `macaw extract-features` again: it recreates only these shards."
MEDIA_SAMPLES = 48
"""Of each modality on the page of a feature store, unless another number is asked for."""
DATASET_PAGE = "inspect.html"
NAMED = 5
"""Damaged files that the error names; each one stands on a line of its own before it."""


@dataclass(frozen=True)
class PageRequest:
    """What `--html` asks for.

    Attributes:
        target: None is the page's own name in the folder.
        samples: media of each modality, or conversations of each kind; None is as many as is usual.
    """

    target: Path | None = None
    samples: int | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of folder that macaw writes."""

    name: str
    marker: str
    """File by which it is recognised."""
    describe: Callable[[Path], Description]
    verify: Callable[[Path], Iterator[Finding]]
    repair: str = FROM_A_COPY
    write_page: Callable[[Path, PageRequest], Path] | None = None
    """What `--html` does; returns the page."""


def _feature_page(folder: Path, request: PageRequest) -> Path:
    from macaw_cli.inspection.feature_page import PAGE_NAME, write_feature_page  # imports decoders

    is_copy = bool(read_record(folder)["url"])
    target = request.target or (Path(PAGE_NAME) if is_copy else folder / PAGE_NAME)
    write_feature_page(folder, target, request.samples or MEDIA_SAMPLES)
    return target


def _dataset_page(folder: Path, request: PageRequest) -> Path:
    from macaw_cli.inspection.dataset_page import write_dataset_page  # imports decoders

    target = request.target or folder / DATASET_PAGE
    write_dataset_page(folder, target, request.samples)
    return target


def _describe_run(folder: Path) -> Description:
    from macaw_cli.inspection.runs import describe_run  # imports every setting

    return describe_run(folder)


def _verify_run(folder: Path) -> Iterator[Finding]:
    from macaw_cli.inspection.runs import verify_run

    return verify_run(folder)


def _run_page(folder: Path, request: PageRequest) -> Path:
    from macaw_cli.reports.run_page import write_run_page, write_run_report
    from macaw_cli.reports.run_record import read_run

    if request.target is None:
        return write_run_report(folder)
    write_run_page(read_run(folder), request.target)
    return request.target


KINDS = (
    Kind("feature store", "store.json", describe_feature_store, verify_feature_store, EXTRACT_AGAIN, _feature_page),
    Kind("dataset", "dataset.json", describe_dataset, verify_dataset, write_page=_dataset_page),
    Kind("generation", REPORT_NAME, describe_generation, nothing_to_verify),
    Kind("run", "settings.yaml", _describe_run, _verify_run, write_page=_run_page),
    Kind("model", "config.json", describe_model, verify_model),
    Kind("export", "export_report.json", describe_export, verify_export),
)


def inspect_folder(place: Path | str, *, verify: bool, as_json: bool, page: PageRequest | None = None) -> None:
    """Print what is in a folder, or in a feature store behind a URL.

    Args:
        place: anything that macaw wrote.
        verify: reread every file that has a recorded hash first.
        as_json: print one JSON object instead of lines and tables.
        page: also write a page to look at (feature stores, datasets and runs).

    Raises:
        InputError: there is no such folder, or it is none of the kinds.
        DamagedError: a file is missing, cut or changed; each is named.
        UsageError: there is no page for this kind of folder.
    """
    folder = local_copy_of_store(str(place)) if is_url(str(place)) else Path(local_place(str(place)))
    kind = recognise(folder)
    if page and not kind.write_page:
        problem = f"--html shows feature stores, datasets and runs; {folder} is a {kind.name}."
        raise UsageError(problem, "Leave --html out.")
    findings = _verified(kind, folder) if verify else []
    damaged = [finding for finding in findings if finding.problem and not finding.harmless]
    if damaged:
        send_damage_note(folder)
        _report(kind, folder, damaged, as_json)
    description = kind.describe(folder)
    written = {"html": str(kind.write_page(folder, page))} if page and kind.write_page else {}
    if as_json:
        checked = {"damaged": [], "notes": [finding.as_json() for finding in findings]} if verify else {}
        console.result_json({**description.as_json(), **checked, **written})
        return
    description.show()
    if verify:
        console.result("All files match their recorded hashes.")
    for path in written.values():
        console.result(f"Page: {path}")
    if description.next_step:
        console.say(f"Next: {description.next_step}")


def recognise(folder: Path) -> Kind:
    """Which kind of folder this is.

    Raises:
        InputError: there is no such folder, or it is none of the kinds; the message says what was looked for.
    """
    if folder.is_file():
        hint = f"Try: {to_type('macaw', 'inspect', folder.parent)}"
        raise InputError(f"{folder} is a file, but macaw inspect takes a folder.", hint)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Give a feature store, dataset, run or model.")
    for kind in KINDS:
        if (folder / kind.marker).is_file() and (kind.name != "model" or _is_macaw(folder / kind.marker)):
            return kind
    markers = ", ".join(f"{kind.marker} ({kind.name})" for kind in KINDS)
    raise InputError(f"{folder} holds nothing written by macaw: looked for {markers}.", _suggestion(folder))


def _is_macaw(config: Path) -> bool:
    content = read_json(config)
    return isinstance(content, dict) and content.get("model_type") == "macaw"


def _suggestion(folder: Path) -> str:
    inside = [entry for entry in sorted(folder.iterdir()) if any((entry / kind.marker).is_file() for kind in KINDS)]
    if inside:
        return f"It contains one: {to_type('macaw', 'inspect', inside[0])}"
    if (folder / "config.json").is_file():
        return "Its config.json has a model type other than `macaw`."
    return "An unfinished dataset has no dataset.json yet: run `macaw build-dataset` again to finish it."


def _verified(kind: Kind, folder: Path) -> list[Finding]:
    """What is not as it was written, each told as soon as it is known."""
    checked, told = 0, []
    for finding in kind.verify(folder):
        checked += 1
        if finding.problem:
            told.append(finding)
            console.say(str(finding))
    if not checked:
        console.say("No file here has a recorded hash.")
    return told


def _report(kind: Kind, folder: Path, damaged: list[Finding], as_json: bool) -> None:
    if as_json:
        files = [finding.as_json() for finding in damaged]
        console.result_json({"kind": kind.name, "path": str(folder), "damaged": files})
    named = "; ".join(str(finding) for finding in damaged[:NAMED])
    more = f"; and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
    raise DamagedError(f"The {kind.name} {folder} is damaged: {named}{more}.", kind.repair)
