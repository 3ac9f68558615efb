"""What a dataset is made from, as far as it decides the bytes: the same inputs mean the same dataset."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import fingerprint, sha256_file
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.filters.described import describe_filters
from macaw_cli.dataset.formats.registry import FORMATS
from macaw_cli.dataset.portable_paths import portable_name
from macaw_cli.dataset.source_specs import Source
from macaw_cli.shards.dataset_lock import CONTENT_VERSION, FORMAT_VERSION
from macaw_cli.shards.feature_store import MANIFEST_NAME, STORE_NAME


def describe_sources(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Each source with the hash of its file; of several files, one hash of theirs, and each by its path and hash.

    Raises:
        InputError: a file does not exist.
    """
    return [_described(source) for source in sources]


def describe_stores(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Each feature store that is there, with the hashes of its two tables."""
    tables = (STORE_NAME, MANIFEST_NAME)
    return [
        {"folder": folder.name, **{name: sha256_file(folder / name) for name in tables}}
        for folder in folders
        if all((folder / name).is_file() for name in tables)
    ]


def inputs_hash(
    sources: list[dict[str, Any]], stores: list[dict[str, Any]], settings: Settings, media: str = "",
    benchmarks: Sequence[dict[str, Any]] = (), experts: Sequence[dict[str, Any]] = (),
) -> str:
    """One hash of everything that decides the bytes of the dataset.

    Args:
        sources: as `describe_sources` tells them.
        stores: as `describe_stores` tells them.
        settings: the workspace's.
        media: the listing of `dataset.media`, where it is used.
        benchmarks: as `describe_stores` tells them.
        experts: as `dataset.json` describes them.
    """  # fmt: skip
    return fingerprint(
        {
            "format_version": FORMAT_VERSION,
            "content_version": CONTENT_VERSION,
            "sources": [{name: told for name, told in one.items() if name != "files"} for one in sources],
            "stores": stores,
            "seed": settings.seed,
            "val_fraction": settings.dataset.val_fraction,
            "shard_megabytes": settings.dataset.shard_megabytes,
            "filters": describe_filters(settings.dataset.filters, settings.generation.model),
            "leaks": [settings.dataset.leak_check, settings.dataset.leak_similarity, list(benchmarks)],
            **({"media": media} if media else {}),
            **({"experts": [[one["name"], one["options"], one["fingerprint"]] for one in experts]} if experts else {}),
            **mix_settings(settings),
        }
    )


def mix_settings(settings: Settings) -> dict[str, Any]:
    """The mix, where one was chosen."""
    chosen = {"mix": settings.dataset.mix, "kinds": dict(settings.dataset.kinds)}
    return {} if chosen == {"mix": "all", "kinds": {}} else {"mix_settings": chosen}


def _described(source: Source) -> dict[str, Any]:
    files = FORMATS[source.format].files(source.path, source.options)
    try:
        hashes = [sha256_file(path) for path in files]
    except FileNotFoundError as error:
        problem = f"There is no file {error.filename}."
        raise InputError(problem, "The path of a source is relative to macaw.yaml.") from None
    single = len(hashes) == 1
    places = [Path(os.path.relpath(path, source.path.parent)).as_posix() for path in files]
    return {
        "format": source.format, "file": portable_name(source.name),
        "sha256": hashes[0] if single else fingerprint(hashes),
        "count": source.count, "fill": source.fill, **({} if source.items else {"items": False}),
        **({"share": source.share} if source.share else {}),
        **({"options": dict(source.options)} if source.options else {}),
        **({} if single else {"files": dict(zip(map(portable_name, places), hashes, strict=True))}),
    }  # fmt: skip
