"""Small feature stores with random features, written with the real shard writer in the real format."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.feature_join import Joiner
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.scratch.records import RecordWriter
from macaw_cli.dataset.sources import read_conversations
from macaw_cli.shards.tar_writer import write_shard

SHAPES = {"image": (4, 8), "audio": (6, 8), "video": (2, 4, 8)}
FINGERPRINT = {"image": {"model": "tiny-clip", "layer": -1}, "audio": {"model": "tiny-whisper", "layer": -1},
               "video": {"model": "tiny-clip", "layer": -1, "frames": 2}}


def key_of(content: str) -> str:
    """The content key of a media file that holds `content`."""
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def features_of(modality: str, content: str) -> np.ndarray:
    """Random features that only modality and content decide."""
    seed = int(key_of(f"{modality}/{content}"), 16)
    return np.random.default_rng(seed).normal(size=SHAPES[modality]).astype(np.float16)


def make_store(folder: Path, image=(), audio=(), video=(), silent=(), same=None, fingerprints=None) -> Path:
    """Write a feature store.

    Args:
        folder: where to.
        image: source paths; each file's content is its path unless `same` says otherwise.
        audio: source paths.
        video: source paths; each has a soundtrack unless it is in `silent`.
        silent: videos without audio.
        same: path to content, to make equal files.
        fingerprints: instead of the usual ones.
    """
    content = {path: path for path in (*image, *audio, *video)} | (same or {})
    sounds = [*audio, *(path for path in video if path not in silent)]
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for modality, paths in (("image", image), ("audio", sounds), ("video", video)):
        if paths:
            rows += _shard_rows(folder, modality, list(paths), content)
    modalities = dict.fromkeys(row["modality"] for row in rows if "key" in row)
    chosen = {modality: FINGERPRINT[modality] for modality in modalities}
    store = {"format_version": 1, "fingerprints": chosen | (fingerprints or {})}
    (folder / "store.json").write_text(json.dumps(store))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _shard_rows(folder: Path, modality: str, paths: list, content: dict) -> list:
    arrays = {"null": np.full(SHAPES[modality], 0.5, np.float16)}
    arrays |= {key_of(content[path]): features_of(modality, content[path]) for path in paths}
    shard = f"{modality}-000000.tar"
    samples = ({"__key__": key, "npy": array, "json": {"sha256": key}} for key, array in arrays.items())
    written = write_shard(folder / shard, samples)
    named = [("", "null"), *((path, key_of(content[path])) for path in paths)]
    rows = []
    for path, key in named:
        member = written.members[f"{key}.npy"]
        rows.append({"path": path, "key": key, "modality": modality, "shard": shard, "offset": member.offset,
                     "bytes": member.nbytes, "shape": list(SHAPES[modality]), "dtype": "float16", "meta": {}})
    return [*rows, {"shard": shard, "bytes": written.nbytes, "sha256": written.sha256, "items": len(arrays)}]


def question(name: str, modality: str = "image", **more) -> dict:
    """A canonical conversation about one medium."""
    messages = [{"role": "user", "content": f"What is {name}?"}, {"role": "assistant", "content": f"It is {name}."}]
    return {"id": f"q-{name}", modality: [name], "messages": messages, "kind": f"{modality}/what", **more}


def write_rows(path: Path, rows: list) -> Path:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def content(folder: Path) -> dict:
    """Every file of a dataset but the lock, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".macaw.lock"}


def load_source(source, seed: int, folder: Path) -> tuple[list, list]:
    """The conversations of a source and its rejects; `folder` is for working files."""
    with closing(RecordWriter(folder / "aside.records")) as aside:
        found = list(read_conversations(source, seed, aside))
    return [one for one in found if not isinstance(one, Reject)], [one for one in found if isinstance(one, Reject)]


def join(conversation, stores: list, folder: Path, media=None) -> tuple:
    """The media of a conversation with their features, and why it has none."""
    joiner = Joiner(stores, media)
    joiner.open_for(conversation)
    try:
        return joiner.join(conversation, folder).media, None
    except InputError as error:
        return None, error.problem
