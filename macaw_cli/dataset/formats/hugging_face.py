"""`hf:` what the `datasets` library reads: a folder from `save_to_disk`, one of Parquet, JSON or CSV, or a hub id.

`hf:PATH_OR_ID:SPLIT` names the split. Media inside the dataset are not decoded: they are known by their content, so the
features of the same files are found.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MissingDependencyError
from macaw_cli.basics.extras import to_install
from macaw_cli.basics.json_rows import Row
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.columns import MAPPING, converter
from macaw_cli.dataset.formats.entry import Format, Options, each
from macaw_cli.dataset.formats.hugging_face_files import require_own_files, require_own_names, require_own_splits

SAVED = ("state.json", "dataset_dict.json")
"""Either is in a folder from `save_to_disk`."""
REPOSITORY = "repository"
"""The option that `resolved` adds for a hub id; no user writes it."""


def resolved(name: str, exists: Callable[[str], bool]) -> tuple[str, dict[str, str]]:
    """Path and implied options of `PATH_OR_ID[:SPLIT]`."""
    path, colon, split = name.rpartition(":")
    if not colon or not path or exists(name):
        path, split = name, ""
    chosen = {"split": split} if split else {}
    return path, chosen if exists(path) else {**chosen, REPOSITORY: path}


def files_of_hf(path: Path, options: Options) -> Sequence[Path]:
    """Every file of the folder; none of a hub id, which its revision stands for."""
    if REPOSITORY in options:
        return []
    if path.is_file():
        raise InputError(f"{path} is a file, but hf: reads a folder.", "Read a Parquet file as parquet:.")
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def read_hf(path: Path, options: Options) -> Iterator[Row]:
    """Every row of one split as a conversation, or as an item with captions.

    Raises:
        MissingDependencyError: `datasets` is not installed.
        InputError: it cannot read the dataset, the split is missing, or the columns are.
    """
    try:
        import datasets
    except ImportError:
        raise MissingDependencyError(f"Reading hf:{path} needs datasets.", to_install("hf")) from None
    name = options.get(REPOSITORY, str(path))
    try:
        found = _loaded(datasets, name, options)
        if isinstance(found, dict):
            found = _split_of(found, name, options.get("split"))
        columns = list(found.column_names or next(iter(found.take(1)), {}))
    except InputError:
        raise
    except Exception as error:  # of datasets, fsspec, pyarrow or the hub's client
        raise _unreadable(name, error) from error
    mapping = {key: value for key, value in options.items() if key in MAPPING and key != "split"}
    return each(_rows(found, name), converter([one for one in columns if one != "split"], mapping, f"hf:{name}"))


def _loaded(datasets: Any, name: str, options: Options) -> Any:
    folder = None if REPOSITORY in options else Path(name)
    if folder and any((folder / mark).is_file() for mark in SAVED):
        require_own_splits(folder)
        found = datasets.load_from_disk(name)
        if isinstance(found, dict):
            return {split: _undecoded(one.to_iterable_dataset()) for split, one in found.items()}
        return _undecoded(found.to_iterable_dataset())
    if folder:
        require_own_names(folder)
    builder = datasets.load_dataset_builder(name, revision=options.get("revision"))
    require_own_files(builder.config.data_files, folder, name)
    return {split: _undecoded(one) for split, one in builder.as_streaming_dataset().items()}


def _undecoded(found: Any) -> Any:
    """Media stay as they are. Rows of JSON and CSV have no features, and no media that could be decoded."""
    return found.decode(False) if found.features else found


def _split_of(found: dict[str, Any], name: str, split: str | None) -> Any:
    split = split or ("train" if "train" in found or len(found) != 1 else next(iter(found)))
    if split not in found:
        listed = ", ".join(found)
        raise InputError(f"hf:{name} has no split {split!r}.", f"Its splits: {listed}; write hf:{name}:SPLIT.")
    return found[split]


def _rows(found: Any, name: str) -> Iterator[Row]:
    rows = iter(found)
    number = 0
    while True:
        try:
            row = next(rows, None)
        except Exception as error:
            raise _unreadable(name, error) from error
        if row is None:
            return
        number += 1
        yield number, dict(row)


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(
        f"datasets cannot read {name} ({type(error).__name__}: {error}).", "Is it a folder or the id of a dataset?"
    )


def _looks_like(file: Beginning) -> bool:
    return file.path.is_dir() and any((file.path / mark).is_file() for mark in SAVED)


HUGGING_FACE = Format(
    name="hf",
    summary="a dataset that `datasets` reads: a folder, or a hub id; `:SPLIT` behind it names the split",
    read=read_hf,
    options={
        **MAPPING, "split": "the split to read (default `train`)", "revision": "of a hub id: commit, tag or branch",
    },
    looks_like=_looks_like,
    files=files_of_hf,
    resolve=resolved,
)  # fmt: skip
