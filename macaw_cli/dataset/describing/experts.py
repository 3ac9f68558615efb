"""The experts of a build: loaded, described for its lock file, and run over its media.

What an expert says of a medium is kept in `.experts.jsonl` of the dataset's folder, by content key and fingerprint of
the expert. So a build that was killed goes on, and a later one describes new media alone.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl, write_jsonl
from macaw_cli.basics.console import progress
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import TEXT, Fields
from macaw_cli.config.design_entries import Design
from macaw_cli.config.experts.nearest_caption import NearestCaptionSettings
from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.experts.tags import TagsSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.describing.captioned import CaptionedMedia, captions_of
from macaw_cli.dataset.describing.media_files import MediaFiles, clip_of
from macaw_cli.dataset.describing.used_media import UsedMedium
from macaw_cli.dataset.feature_join import FeatureStores
from macaw_cli.dataset.inputs import describe_sources
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.source_specs import Source, parse_sources
from macaw_cli.experts import expert as kinds
from macaw_cli.experts.loading import described, labels_of, load_expert
from macaw_cli.modalities.table import ENCODER_OF
from macaw_cli.shards.expert_texts import EXPERTS_NAME

CACHE_NAME = ".experts.jsonl"
KEPT_AFTER_S = 2.0
"""Seconds after which what was found is written down."""
_KEPT = Fields({"by": TEXT, "modality": TEXT, "key": TEXT, "text": TEXT})
_Known = dict[tuple[str, str, str], str]


class BuildExperts:
    """The experts that `dataset.experts` names.

    Args:
        workspace: its settings hold.
        stores: the feature stores' folders.
        media: folders in which files are looked up by name.

    Attributes:
        described: as `dataset.json` holds them.

    Raises:
        UsageError: an expert lacks a model.
        InputError: a model or a file that an expert needs cannot be used.
    """

    def __init__(self, workspace: Workspace, stores: Sequence[Path], media: MediaFolders | None) -> None:
        self._workspace, self._media = workspace, media
        self._folders = [workspace.root, *(store.parent for store in stores), *stores]
        self._captions: dict[str, list[Source]] = {}
        self._captioned: dict[str, CaptionedMedia] = {}
        self._experts = [self._loaded(settings) for settings in workspace.settings.dataset.experts]
        self.described = [described(one, self._model_name(one.settings)) for one in self._experts]

    def describe(self, used: Sequence[UsedMedium], stores: FeatureStores, cache: Path, out: Path) -> None:
        """Describe media, and write the texts as `experts.jsonl`.

        Args:
            used: the media of the dataset.
            stores: their features.
            cache: what is known already; what is found is added.
            out: folder for the file.

        Raises:
            InputError: an expert needs a file that is not found, or has no text for anything.
            DamagedError: a feature shard is missing or cut.
        """
        for name, sources in self._captions.items():
            captions = captions_of(sources, stores, self._media, self._workspace.settings.seed)
            self._captioned[name] = CaptionedMedia(used, stores, captions)
        files = MediaFiles(self._folders, self._media)
        known = _read_cache(cache)
        rows: list[dict[str, str]] = []
        for one in self._experts:
            name, identity = one.settings.name, fingerprint(one.fingerprint)
            mine = [medium for medium in used if medium.medium.row.modality in TABLE[name].modalities]
            ask = partial(_asked, one, stores, files)
            texts = _answers(mine, identity, known, cache if one.cached else None, ask, name)
            for medium, text in zip(mine, texts, strict=True):
                modality, key = medium.medium.identity
                rows.append({"expert": name, "modality": modality, "key": key, "text": one.said(text, modality)})
        write_jsonl(out / EXPERTS_NAME, rows)

    def _loaded(self, settings: Design) -> kinds.Expert[Any]:
        labels: list[str] = []
        identity: dict[str, Any] = {}
        captioned: Callable[[str], Any] | None = None
        if isinstance(settings, TagsSettings):
            if not settings.labels:
                raise UsageError(
                    "The expert tags has no labels.", "Name a text file with one label on each line: labels=FILE."
                )
            labels = labels_of(self._workspace.path(settings.labels))
        if isinstance(settings, NearestCaptionSettings):
            if not settings.captions:
                raise UsageError(
                    "The expert nearest-caption has no captions.", "Name sources with captions: captions=FORMAT:PATH."
                )
            sources = parse_sources(settings.captions, self._workspace)
            self._captions[settings.name] = sources
            identity = {"captions": [one["sha256"] for one in describe_sources(sources)]}

            def captioned(modality: str) -> Any:
                return self._captioned[settings.name].of(modality)

        features = self._workspace.settings.features
        model = self._model_name(settings)
        surroundings = kinds.Surroundings(
            self._workspace.model_source(model), features.device, features.frames, labels, captioned, identity
        )
        return load_expert(settings, surroundings)

    def _model_name(self, settings: Design) -> str:
        """Folder or hub id as the settings name it: the expert's own, else that of the encoder of its media."""
        if not hasattr(settings, "model"):
            return ""
        role = ENCODER_OF[TABLE[settings.name].modalities[0]]
        return str(settings.model or self._workspace.settings.features.encoder_of(role).model)


def _asked(one: kinds.Expert[Any], stores: FeatureStores, files: MediaFiles, used: UsedMedium) -> str:
    row, store = used.medium.row, stores.stores[used.medium.store]
    start, end = clip_of(row.path)
    stored = kinds.StoredFeatures(
        row.shape, store.fingerprints[row.modality], partial(store.read, row), partial(_about, store, row)
    )
    return one.text(
        kinds.Medium(row.modality, row.key, partial(files.of, used, one.settings.name), start, end, stored)
    )


def _about(store: Any, row: Any) -> dict[str, Any]:
    return {**store.about(row), **row.meta}


def _answers(
    media: Sequence[UsedMedium], identity: str, known: _Known, cache: Path | None, ask: Callable[[UsedMedium], str],
    name: str,
) -> Iterator[str]:  # fmt: skip
    """What the expert says of each medium; written down now and then, and at the end."""
    waiting: list[dict[str, str]] = []
    written = time.monotonic()
    try:
        with progress(f"Describing with {name}", len(media), "media") as advance:
            for used in media:
                modality, key = used.medium.identity
                text = known.get((identity, modality, key))
                if text is None:
                    text = ask(used)
                    waiting.append({"by": identity, "modality": modality, "key": key, "text": text})
                advance(1, used.name)
                yield text
                if cache and time.monotonic() - written > KEPT_AFTER_S:
                    append_jsonl(cache, waiting)
                    waiting, written = [], time.monotonic()
    finally:
        if cache and waiting:
            append_jsonl(cache, waiting)


def _read_cache(cache: Path) -> _Known:
    """What earlier builds found; a row that cannot be read is found again."""
    if not cache.is_file():
        return {}
    rows = iterate_objects(cache, _KEPT)
    return {(row["by"], row["modality"], row["key"]): row["text"] for row in rows}
