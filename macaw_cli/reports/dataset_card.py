"""`README.md` of a dataset: its card, in the layout of the Hugging Face hub. A pure function of `dataset.json`.

The last line holds a hash of all before it. So a card that nobody has touched is known as macaw's own and follows a new
build, and one that a person has written or edited is never replaced.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.redaction import redacted
from macaw_cli.basics.terminal_text import one_line
from macaw_cli.modalities.table import MODALITIES, TABLE
from macaw_cli.reports.tables import Table
from macaw_cli.reports.text_figures import COLUMNS, read_counts, text_table

CARD_NAME = "README.md"
HASH_DIGITS = 8
_SEAL = re.compile(rb"<!-- written by macaw: ([0-9a-f]{64}) -->\n\Z")
_TASKS = {
    "image": ("visual-question-answering", "image-text-to-text"),
    "audio": ("audio-text-to-text",),
    "video": ("video-text-to-text",),
}
"""Of a modality, in the hub's words."""
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
          (10**8, "10M<n<100M"))  # fmt: skip
_LARGEST_SIZE = "100M<n<1B"
_SPLIT_NAMES = {"train": "train", "val": "validation"}
"""As `datasets` calls them."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def dataset_card(info: Mapping[str, Any]) -> bytes:
    """The card of a dataset.

    Args:
        info: its `dataset.json`.
    """
    text = redacted("\n".join([*_front_matter(info), *_body(info), ""])).encode()
    return text + f"<!-- written by macaw: {hashlib.sha256(text).hexdigest()} -->\n".encode()


def is_own_card(content: bytes) -> bool:
    """Whether macaw wrote it and nobody has changed it since."""
    seal = _SEAL.search(content)
    return seal is not None and hashlib.sha256(content[: seal.start()]).hexdigest() == seal[1].decode()


def _front_matter(info: Mapping[str, Any]) -> Iterator[str]:
    media = _media(info)
    tasks = [task for name in media for task in _TASKS.get(name, ())] or ["text-generation"]
    total = sum(counts["conversations"] for counts in info["counts"].values())
    size = next((name for most, name in _SIZES if total < most), _LARGEST_SIZE)
    yield from ("---", "pretty_name: " + _title(info), "license: unknown", "task_categories:")
    yield from (f"- {task}" for task in tasks)
    yield from ("size_categories:", f"- {size}", "tags:")
    yield from (f"- {tag}" for tag in ["macaw", "instruction-tuning", "webdataset", *media,
                                       *(["synthetic"] if info.get("generator") else [])])  # fmt: skip
    yield from ("configs:", "- config_name: default", "  data_files:")
    for split in _written_splits(info):
        yield from (f"  - split: {_SPLIT_NAMES[split]}", f"    path: {split}-*.tar")
    yield "---"


def _body(info: Mapping[str, Any]) -> Iterator[str]:
    counts = info["counts"]
    total = {split: counted(one["conversations"], "conversation") for split, one in counts.items()}
    held = f"{total['train']} to train on, {total['val']} held out"
    yield from ("", f"# {_title(info)}", "", f"{held}. Media that occur together are on one side.")
    texts = info.get("texts") or {}
    for name, title in (("media", "Words by media"), ("kinds", "Words by kind")):
        if name in texts:
            yield from ("", f"## {title}", "", *markdown_table(text_table(texts[name], title)))
    yield from (
        "", "Instructions are the messages of the user, responses those of the assistant. Words are what white space",
        "separates.", "", "## What it was made from", "",
    )  # fmt: skip
    yield from markdown_table(_sources(info))
    yield from _generator(info.get("generator") or {})
    yield from ("", "What conversations had to pass:", "", *markdown_table(_filters(info)))
    yield from ("", "## Files", "", *_files(info))
    yield from (
        "", "## Licence", "",
        "Unknown: macaw does not know the licences of the sources and of their media. They hold for this dataset too."
        " Correct `license` at the top of this file before you publish it.",
    )  # fmt: skip
    made = f" {_escaped(info['macaw'])}" if info.get("macaw") else ""
    yield from ("", f"Made by macaw{made}; `dataset.json` has everything that is needed to make it again.")


def _sources(info: Mapping[str, Any]) -> Table:
    rows = [
        [str(source.get("file", "")), str(source.get("format", "")), options_text(source),
         *(f"{source.get(name, 0):,}" for name in ("train", "val", "rejected")),
         *(read_counts(source["texts"]).means() if "texts" in source else ("", "")),
         str(source.get("sha256", ""))[:HASH_DIGITS]]
        for source in info["sources"]
    ]  # fmt: skip
    columns = ["file", "format", "options", "train", "held out", "rejected", *COLUMNS[2:], "SHA-256"]
    return Table("Sources", columns, rows)


def options_text(source: Mapping[str, Any]) -> str:
    """The options, the number of conversations and the share of the mix that a source was read with."""
    options = "&".join(f"{name}={value}" for name, value in (source.get("options") or {}).items())
    count = f"#{source['count']}{'+' if source.get('fill') else ''}" if source.get("count") is not None else ""
    share = f"share {source['share']}" if source.get("share") else ""
    return " ".join(part for part in (options, count, share) if part)


def _filters(info: Mapping[str, Any]) -> Table:
    settings = {one.get("name"): one for one in info.get("filter_settings") or []}
    rows = [
        [name, ", ".join(f"{key}={value}" for key, value in settings.get(name, {}).items() if key != "name"),
         f"{removed:,}"]
        for name, removed in info["filters"].items()
    ]  # fmt: skip
    return Table("Filters", ["check or filter", "settings", "removed"], rows)


def _generator(generator: Mapping[str, Any]) -> Iterator[str]:
    if not generator:
        return
    kinds = generator.get("kinds") or {}
    requests = sum(one.get("requests", 0) for one in kinds.values())
    accepted = sum(one.get("accepted", 0) for one in kinds.values())
    yield ""
    yield (
        f"A language model, {_escaped(generator.get('model', ''))}, wrote {counted(accepted, 'example')} in"
        f" {counted(requests, 'reply', 'replies')}, from what the sources say of their media; nobody has checked them"
        f" one by one. Hash of the prompts: {_escaped(generator.get('prompts', ''))}."
    )


def _files(info: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        "`train-*.tar` and `val-*.tar` are WebDataset shards: a sample holds the features of media that belong together"
        " (`image.npy`, `audio.npy`, `video.npy`, fp16) and a `json` with the conversations about them. The media"
        " themselves are not in it.",
        "",
    )
    encoders = [[name, str(one.get("model", "")), fingerprint(one)] for name, one in info["fingerprints"].items()]
    yield from markdown_table(Table("Encoders", ["features", "encoder", "fingerprint"], encoders))


def markdown_table(table: Table) -> Iterator[str]:
    """The table in Markdown; all that is in it is text."""
    if not table.rows:
        return
    yield "| " + " | ".join(table.columns) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows:
        yield "| " + " | ".join(map(_escaped, row)) + " |"


def _escaped(text: str) -> str:
    """One line in which nothing is markup."""
    return _MARKDOWN.sub(r"\\\1", one_line(text)).replace("://", ":&#47;&#47;")


def _title(info: Mapping[str, Any]) -> str:
    media = [TABLE[name].plural for name in _media(info)]
    return "Conversations about " + (f"{', '.join(media[:-1])} and {media[-1]}" if media[1:] else media[0]) if media \
        else "Conversations without media"  # fmt: skip


def _media(info: Mapping[str, Any]) -> list[str]:
    return [name for name in MODALITIES if name in info["fingerprints"]]


def _written_splits(info: Mapping[str, Any]) -> Sequence[str]:
    found = {PurePosixPath(shard["name"]).name.partition("-")[0] for shard in info["shards"]}
    return [split for split in _SPLIT_NAMES if split in found]
