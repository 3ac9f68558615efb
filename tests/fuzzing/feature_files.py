"""Feature stores: what extraction writes, and reads again."""

import json

import fsspec
from fake_store import make_store
from formats import Format

from macaw_cli.basics import locks
from macaw_cli.basics.locks import describe_holder, folder_lock
from macaw_cli.features.hash_cache import HashCache
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Journal
from macaw_cli.features.output import remote_lock
from macaw_cli.features.partial_shards import BatchEnd, PartialJob, kept_keys, retry_partial
from macaw_cli.features.store_files import StoreFiles
from macaw_cli.inspection.feature_page import write_feature_page
from macaw_cli.inspection.feature_stores import describe_feature_store
from macaw_cli.inspection.feature_verification import verify_feature_store
from macaw_cli.inspection.media_lookup import MediaPlaces
from macaw_cli.shards.damage_note import damaged_shards, note_damage
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.remote_store import read_record, write_record

MEDIA = ("a/1.png", "a/2.png")


def a_store(folder):
    make_store(folder, image=MEDIA, audio=["b/1.wav"], video=["c/1.mp4"])
    row = {"path": "bad.png", "modality": "image", "key": None, "reason": "It is no image."}
    (folder / "rejects.jsonl").write_text(json.dumps(row) + "\n")
    note_damage(folder, {"image-000000.tar": "it was changed"})
    write_record(folder, "", {"image-000000.tar": "1"}, sizes={"image-000000.tar": 10240})
    item = Item("ab" * 16, "image", "cd" * 32, 10, "a/1.png", names=["a/1.png"])
    Journal(folder).add("image", ("image",), [item], 4)
    end = BatchEnd(1, "ef" * 32, {"image": 0}, {"image": 1}, 1)
    begun = {"path": "a/9.png", "key": "ab" * 16, "modality": "", "shard": "", "offset": 0, "bytes": 0, "shape": [4, 8],
             "dtype": "float16", "meta": {}}  # fmt: skip
    PartialJob(4, {"image": "image-000001.tar"}, {"image": "ab" * 8}, [end], {"image": [begun]}, [row]).save(folder)


def read_store(folder):
    store = FeatureStore(folder, check_sizes=False)
    for row in [*store.rows(), *filter(None, map(store.null_row, ("image", "audio", "video")))]:
        store.find(row.path, row.modality)
        store.why_missing(row.path[-5:], row.modality)
        store.copies(row)
        store.about(row)
        store.read(row)


def inspect_store(folder):
    describe_feature_store(folder)
    list(verify_feature_store(folder))


def write_to_store(folder):
    StoreFiles(folder, {"image": {"model": "tiny-clip", "layer": -1}}).tidy()


def some_hashes(folder):
    cache = HashCache(folder)
    cache.put([("/a/1.png", "1.1.1.1", "ab" * 32)])
    cache.close()


def read_hashes(folder):
    cache = HashCache(folder)
    cache.get("/a/1.png", "1.1.1.1")
    cache.close()


def a_lock(folder):
    holder = json.dumps({**describe_holder(), "started": "x"})
    (folder / ".macaw.lock").write_text(holder)
    (folder / "remote.lock").write_text(holder)


def meet_lock(folder):
    locks._holder(folder)
    with folder_lock(folder):
        pass
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/fuzzed.lock", (folder / "remote.lock").read_bytes())
    remote_lock._is_gone(remote_lock._holder(memory, "/fuzzed.lock"))


def draw_store(folder):
    write_feature_page(folder, folder / "page.html", 3)


FORMATS = {
    "lock": Format(a_lock, [".macaw.lock", "remote.lock"], meet_lock),
    "feature store, drawn": Format(a_store, ["store.json", "manifest.jsonl", "image-000000.tar"], draw_store, 0.2),
    "feature store, read": Format(a_store, ["store.json", "manifest.jsonl", "image-000000.tar"], read_store),
    "feature store, inspected": Format(a_store, ["store.json", "manifest.jsonl", "rejects.jsonl"], inspect_store),
    "feature store, written to": Format(
        a_store, ["store.json", "manifest.jsonl", "rejects.jsonl", "damaged.json"], write_to_store),
    "journal": Format(a_store, ["journal.jsonl"], lambda folder: (
        list(Journal(folder).read()), MediaPlaces(folder, ["ab" * 16]).find("a.png", "ab" * 16))),
    "journal, looked up": Format(a_store, ["journal.jsonl"], lambda folder: MediaPlaces(folder, ["ab" * 16])),
    "unfinished shard": Format(a_store, ["image-000001.partial.json"], lambda folder: (
        kept_keys(folder), retry_partial(folder))),
    "note of damage": Format(a_store, ["damaged.json"], damaged_shards),
    "record of a remote store": Format(a_store, [".remote.json"], read_record),
    "cache of hashes": Format(some_hashes, [".hashes.sqlite"], read_hashes),
}  # fmt: skip
