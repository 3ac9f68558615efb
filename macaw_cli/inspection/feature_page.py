"""`macaw inspect FEATURES --html`: one page, that needs no other file, to see what the encoders gave for what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.inspection.feature_cards import Card, card
from macaw_cli.inspection.feature_samples import MediaSample, media_samples
from macaw_cli.inspection.feature_stores import StoreSummary, feature_tables, summarise
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.modalities.table import MODALITIES, TABLE, Modality
from macaw_cli.reports.page import write_page
from macaw_cli.shards.feature_store import FeatureStore

PAGE_NAME = "inspect.html"


@dataclass(frozen=True, slots=True)
class Section:
    """The media of one modality; the cards are made as the page is written."""

    title: str
    modality: Modality
    hint: str
    cards: Iterator[Card]


def write_feature_page(folder: Path, target: Path, samples: int) -> None:
    """Write the page of a feature store, whole or not at all.

    Args:
        folder: the feature store.
        target: the page.
        samples: media of each modality that are shown, evenly spread over the store.

    Raises:
        InputError: the page cannot be written there.
        DamagedError: the store's manifest is damaged. (A damaged shard is told on the cards of its media.)
    """
    summary, store = summarise(folder), FeatureStore(folder, check_sizes=False)
    counts = {name: summary.counts.modalities[name].files for name in MODALITIES if name in summary.counts.modalities}
    total = sum(min(samples, count) for count in counts.values())
    rejects = f"{summary.rejected:,} {'reject' if summary.rejected == 1 else 'rejects'}"
    try:
        with console.progress("Drawing the page", total, "media") as advance, DecoderPool() as pool:
            write_page(
                target,
                "features",
                title=f"{folder.absolute().name}: what is in this feature store",
                lead=f"{counted(summary.counts.shards, 'shard')}, {human_bytes(summary.counts.bytes)}, {rejects}.",
                tables=feature_tables(summary),
                encoders=_encoders(summary),
                sections=(
                    Section(
                        title=TABLE[modality].plural.capitalize(),
                        modality=modality,
                        hint=f"{samples} of {count:,}, evenly spread; --samples shows more." if count > samples else "",
                        cards=_cards(media_samples(store, modality, samples, pool), target.parent, advance),
                    )
                    for modality, count in counts.items()
                ),
                rejects=summary.rejects,
            )
    except OSError as error:
        problem = f"The page {target} cannot be written: {error.strerror}."
        raise InputError(problem, "Name another place with --out.") from None


def _cards(samples: Iterator[MediaSample], page_folder: Path, advance: console.Advance) -> Iterator[Card]:
    for sample in samples:
        yield card(sample, page_folder)
        advance(1, "")


def _encoders(summary: StoreSummary) -> list[tuple[str, str]]:
    """Each modality with the fingerprint of its encoder as JSON."""
    fingerprints = {modality: summary.fingerprints.get(modality, {}) for modality in summary.counts.modalities}
    return [(name, json.dumps(content, indent=2, ensure_ascii=False)) for name, content in fingerprints.items()]
