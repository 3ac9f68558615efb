"""A store is counted as its reader would find it."""

import tracemalloc

from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.inspection.feature_counts import count_manifest


def row(path, key, shard, *, modality="image", nbytes=10, shape=(4, 8), **meta):
    return {"path": path, "key": key, "modality": modality, "shard": shard, "offset": 1024, "bytes": nbytes,
            "shape": list(shape), "dtype": "float16", "meta": meta}  # fmt: skip


def shard(name, items=1):
    return {"shard": name, "job": 0, "bytes": 2048, "sha256": "ab", "items": items}


def test_copies_changed_files_and_unfinished_shards_are_counted_as_they_are_read(tmp_path):
    rows = [
        row("", "null", "i0.tar"), row("a.png", "k1", "i0.tar"), row("b.png", "k2", "i0.tar", nbytes=20, shape=(9, 8)),
        shard("i0.tar", 3),
        row("copy of a.png", "k1", "i0.tar"), row("b.png", "k1", "i0.tar"),  # b was changed and is like a now
        row("c.png", "k3", "i1.tar"),  # its shard was never finished
        row("x.wav", "k4", "a0.tar", modality="audio", duration=2.5),
        row("y.wav", "k5", "a0.tar", modality="audio", duration=0.5), shard("a0.tar", 2), shard("a1.tar", 0),
    ]  # fmt: skip
    write_jsonl(tmp_path / "manifest.jsonl", rows)
    counts = count_manifest(tmp_path)
    image, audio = counts.modalities["image"], counts.modalities["audio"]
    assert (image.files, image.media, image.bytes, image.shapes) == (3, 1, 10, {(4, 8): 3})
    assert image.null_entry and not audio.null_entry
    assert (audio.seconds, audio.total_seconds) == ([0.5, 2.5], 3.0)
    assert (counts.shards, counts.bytes, set(counts.modalities)) == (2, 4096, {"image", "audio"})


def test_warnings_are_counted_of_the_rows_that_count(tmp_path):
    rows = [row(f"{name}.wav", f"k{name}", "a0.tar", modality="audio", duration=1.0, warning="hum") for name in "abc"]
    rows += [row("b.wav", "kd", "a0.tar", modality="audio", duration=1.0), shard("a0.tar", 4)]
    rows += [row("d.wav", "ke", "a1.tar", modality="audio", warning="unfinished")]
    write_jsonl(tmp_path / "manifest.jsonl", rows)
    assert count_manifest(tmp_path).modalities["audio"].warnings == {"hum": 2}


def test_rows_are_not_kept(tmp_path):
    rows = (row(f"pictures/of/things/number-{number}.png", f"{number:032x}", "i0.tar") for number in range(5000))
    write_jsonl(tmp_path / "manifest.jsonl", [*rows, shard("i0.tar", 5000)])
    tracemalloc.start()
    count_manifest(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5000 * 250  # a row as objects takes 1,500 bytes


def test_an_empty_store_has_nothing(tmp_path):
    assert count_manifest(tmp_path).modalities == {}
