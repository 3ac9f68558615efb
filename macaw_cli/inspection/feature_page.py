"""`macaw inspect FEATURES --html`: one page, that needs no other file, to see what the encoders gave for what."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import atomic_path
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.config.settings import MODALITIES, Modality
from macaw_cli.inspection.description import Table
from macaw_cli.inspection.feature_cards import card
from macaw_cli.inspection.feature_samples import media_samples
from macaw_cli.inspection.feature_stores import StoreSummary, feature_tables, summarise
from macaw_cli.inspection.reject_reasons import RejectGroup
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.shards.feature_store import FeatureStore

PAGE_NAME = "inspect.html"
TITLES: dict[Modality, str] = {"image": "Images", "audio": "Sounds and soundtracks", "video": "Films"}
STYLE = """
:root { color-scheme: light dark; --line: #8884; }
:root { --bad: light-dark(#b3261e, #ff8a80); --ink: light-dark(#1d5c8a, #8ec7f2); }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; align-items: start; }
.films { grid-template-columns: repeat(auto-fill, minmax(36rem, 1fr)); }
@media (max-width: 44rem) { .cards, .films { grid-template-columns: 1fr; } }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; min-width: 0; }
.card { overflow-wrap: anywhere; }
.card h4 { margin: 0 0 .5rem; font-size: 1em; }
.card p { margin: .35rem 0 0; }
.flagged { border-color: var(--bad); }
.flag { color: var(--bad); }
.flag::before { content: "look: "; font-weight: 600; }
.facts, .note, figcaption, .hint { opacity: .75; font-size: .87em; }
.pair { display: flex; gap: .7rem; align-items: center; flex-wrap: wrap; }
img { display: block; }
.thumb { border-radius: .2rem; }
.map { width: 9rem; height: 9rem; image-rendering: pixelated; border-radius: .2rem; }
.frames { display: flex; gap: .5rem; flex-wrap: wrap; align-items: flex-end; }
.frames figure { margin: 0; width: 88px; }
.frames .map { width: 88px; height: 88px; margin-top: .2rem; }
figcaption { text-align: center; }
.strip { width: 100%; height: 1.4rem; image-rendering: pixelated; border-radius: .2rem; margin-top: .3rem; }
.wave { width: 100%; height: 3.5rem; display: block; fill: var(--ink); }
pre { overflow-x: auto; }
"""
LEGEND = """
<p class=hint>Each map shows how strong the features are (the length of each token's vector), dark violet low, yellow
high, scaled for each medium by itself: for pictures on the grid of patches of what the encoder saw (its crop, not
always the whole picture), for sounds over time. Where all tokens are equally long, as behind a layer norm, it shows how
far each one is from what the encoder gives for an empty input.</p>
"""


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
    try:
        with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", errors="xmlcharrefreplace") as out:
            out.writelines(_page(folder, target.parent, summary, store, samples))
    except OSError as error:
        problem = f"The page {target} cannot be written: {error.strerror}."
        raise InputError(problem, "Name another place with --out.") from None


def _page(folder: Path, page_folder: Path, summary: StoreSummary, store: FeatureStore, samples: int) -> Iterator[str]:
    title = escape(f"{folder.absolute().name}: what is in this feature store")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style></head>'
    yield f"<body><h1>{title}</h1>\n"
    yield f"<p>{summary.counts.shards:,} shards, {human_bytes(summary.counts.bytes)}, "
    yield f"{summary.rejected:,} {'reject' if summary.rejected == 1 else 'rejects'}.</p>"
    yield from (_table(table) for table in feature_tables(summary) if table.rows)
    yield from _encoders(summary)
    yield LEGEND
    present = [modality for modality in MODALITIES if modality in summary.counts.modalities]
    total = sum(min(samples, summary.counts.modalities[modality].files) for modality in present)
    with console.progress("Drawing the page", total, "media") as advance, DecoderPool() as pool:
        for modality in present:
            count = summary.counts.modalities[modality].files
            yield f"<h2>{TITLES[modality]}</h2>\n"
            if count > samples:
                yield f"<p class=hint>{samples} of {count:,}, evenly spread; --samples shows more.</p>"
            yield f'<section class="cards{" films" if modality == "video" else ""}">\n'
            for sample in media_samples(store, modality, samples, pool):
                yield card(sample, page_folder)
                advance(1, "")
            yield "</section>\n"
    yield from _rejects(summary.rejects)
    yield "</body></html>\n"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<div class=wide><table><caption>{escape(table.title)}</caption><tr>{head}</tr>{body}</table></div>\n"


def _encoders(summary: StoreSummary) -> Iterator[str]:
    for modality in summary.counts.modalities:
        content = json.dumps(summary.fingerprints.get(modality, {}), indent=2, ensure_ascii=False)
        yield f"<details><summary>The whole fingerprint of the {modality} encoder</summary>"
        yield f"<pre>{escape(content)}</pre></details>\n"


def _rejects(groups: list[RejectGroup]) -> Iterator[str]:
    if groups:
        yield "<h2>Rejects</h2>"
    for group in groups:
        paths = "".join(f"<li>{escape(path)}</li>" for path in group.paths)
        more = f"<li>and {group.files - len(group.paths):,} more</li>" if group.files > len(group.paths) else ""
        example = f"<p class=hint>For example: {escape(group.example)}</p>" if group.example != group.reason else ""
        yield (
            f"<details{' open' if group.files <= 10 else ''}><summary>{group.files:,}: {escape(group.reason)}</summary>"
            f"{example}<ul>{paths}{more}</ul></details>\n"
        )
