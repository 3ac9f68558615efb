import os
import sqlite3
import threading
import time
from concurrent.futures import CancelledError
from contextlib import closing

import pytest

from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.features import items
from macaw_cli.features.hash_cache import CACHE_NAME, HashCache, stamp_of
from macaw_cli.features.items import Item, identify, unchanged
from macaw_cli.features.sources.listing import Refused, Source

LONG_AGO = time.time_ns() - 60_000_000_000


def settled(path, content):
    path.write_bytes(content)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


def test_a_hash_is_known_as_long_as_the_file_is_the_same(tmp_path):
    cache = HashCache(tmp_path)
    file = settled(tmp_path / "a", b"one")
    stamp = stamp_of(str(file)).rpartition(".")[0] + ".0"  # as if nothing had touched it for long
    cache.put([("a", stamp, "aa")])
    cache.close()
    again = HashCache(tmp_path)
    assert again.get("a", stamp) == "aa" and again.get("a", "other") is None and again.get("b", stamp) is None
    again.close()


def test_a_file_changed_a_moment_ago_is_hashed_again_next_time(tmp_path):
    cache = HashCache(tmp_path)
    file = tmp_path / "a"
    file.write_bytes(b"one")
    cache.put([("a", stamp_of(str(file)), "aa")])
    assert cache.get("a", stamp_of(str(file))) is None
    cache.close()


def test_a_damaged_cache_is_made_anew(tmp_path):
    (tmp_path / CACHE_NAME).write_bytes(b"no database" * 1000)
    cache = HashCache(tmp_path)
    assert cache.get("a", "1.1.1.1") is None
    cache.close()


def test_equal_files_have_equal_keys_and_clips_have_their_own(tmp_path):
    settled(tmp_path / "a.wav", b"sound")
    settled(tmp_path / "b.wav", b"sound")
    a, b = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")
    sources = [Source(a, "a", "audio"), Source(b, "b", "audio"), Source(a, "a#t=1,2", "audio", 1.0, 2.0)]
    cache = HashCache(tmp_path)
    whole, same, clip = identify(iter(sources), cache, tmp_path)
    cache.close()
    assert whole.key == same.key == whole.sha256[:32] and clip.key != whole.key and clip.sha256 == whole.sha256


def test_a_member_of_a_tar_is_hashed_by_itself(tmp_path):
    settled(tmp_path / "a.png", b"picture")
    settled(tmp_path / "x.tar", b"header" + b"picture" + b"rest")
    cache = HashCache(tmp_path)
    tar = str(tmp_path / "x.tar")
    sources = [Source(str(tmp_path / "a.png"), "a", "image"), Source(tar, "m", "image", None, None, 6, 7)]
    alone, member = identify(iter(sources), cache, tmp_path)
    cut = Source(tar, "cut", "image", None, None, 13, 50)
    (refused,) = identify(iter([cut]), cache, tmp_path)
    cache.close()
    assert alone.key == member.key and member.offset == 6 and member.bytes == 7
    assert isinstance(refused, Refused) and "the file ends before it" in refused.row["reason"]


def test_a_file_that_cannot_be_read_is_refused_with_its_reason(tmp_path):
    cache = HashCache(tmp_path)
    (refused,) = identify(iter([Source(str(tmp_path / "gone.png"), "gone.png", "image")]), cache, tmp_path)
    cache.close()
    assert refused.row["reason"] == "It cannot be read: No such file or directory."


def test_an_item_of_the_journal_is_unchanged_only_with_the_same_content(tmp_path):
    file = settled(tmp_path / "a.png", b"picture")
    cache = HashCache(tmp_path / "store")
    (made,) = identify(iter([Source(str(file), "a", "image")]), cache, tmp_path / "store")
    again = Item(made.key, "image", made.sha256, made.bytes, "../a.png", names=["a"])
    assert unchanged(again, tmp_path / "store", cache) and again.stamp == stamp_of(str(file))
    settled(tmp_path / "a.png", b"another")
    assert not unchanged(again, tmp_path / "store", cache) and again.stamp == ""
    file.unlink()
    assert not unchanged(again, tmp_path / "store", cache)
    cache.close()


def test_a_name_that_is_no_unicode_is_known_again(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    cache = HashCache(tmp_path)
    cache.put([(name, "1.1.1.1", "aa")])
    assert cache.get(name, "1.1.1.1") == "aa"
    settled(tmp_path / name, b"picture")
    (item,) = identify(iter([Source(str(tmp_path / name), name, "image")]), cache, tmp_path)
    cache.close()
    assert item.bytes == 7


def test_a_cache_that_is_damaged_further_in_is_made_anew_when_that_shows(tmp_path):
    cache = HashCache(tmp_path)
    cache.put([(f"place {number}", "1.1.1.1", "a" * 64) for number in range(2000)])
    cache.close()
    content = (tmp_path / CACHE_NAME).read_bytes()
    damaged = content[:4096] + b"\xff" * (len(content) - 4096)
    (tmp_path / CACHE_NAME).write_bytes(damaged)
    for first in (lambda cache: cache.get("place 7", "1.1.1.1"), lambda cache: cache.put([("x", "1.1.1.1", "aa")])):
        cache = HashCache(tmp_path)
        assert first(cache) is None
        cache.put([("a", "1.1.1.1", "aa")])
        assert cache.get("a", "1.1.1.1") == "aa"
        cache.close()
        (tmp_path / CACHE_NAME).write_bytes(damaged)


def test_a_cache_of_before_is_thrown_away(tmp_path):
    with closing(sqlite3.connect(tmp_path / CACHE_NAME)) as old:
        old.execute("CREATE TABLE files (place TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT) WITHOUT ROWID")
        old.execute("INSERT INTO files VALUES ('a', '1.1.1.1', 'aa')")
        old.commit()
    cache = HashCache(tmp_path)
    assert cache.get("a", "1.1.1.1") is None
    cache.put([("a", "1.1.1.1", "bb")])
    assert cache.get("a", "1.1.1.1") == "bb"
    cache.close()


def test_clips_of_one_file_hash_it_once(tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr(items, "sha256_file", lambda path: hashed.append(path.name) or sha256_file(path))
    files = [settled(tmp_path / name, name.encode()) for name in "ab"]
    clips = (Source(str(file), f"#t={second}", "audio", float(second)) for second in range(150) for file in files)
    cache = HashCache(tmp_path)
    found = list(identify(clips, cache, tmp_path))
    cache.close()
    assert sorted(hashed) == ["a", "b"] and len({item.key for item in found}) == 300


def test_only_so_many_running_hashes_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(items, "_AHEAD", 2)
    files = [settled(tmp_path / f"{number}", b"%d" % number) for number in range(9)]
    cache = HashCache(tmp_path)
    sources = [Source(str(file), file.name, "image") for file in files + files]
    found = list(identify(iter(sources), cache, tmp_path))
    cache.close()
    assert [item.key for item in found[:9]] == [item.key for item in found[9:]]


def test_hashing_gives_up_between_sources_that_need_no_work(tmp_path):
    file, stopping, asked = settled(tmp_path / "a", b"one"), threading.Event(), []

    def endless():
        while len(asked) < 100_000:
            asked.append(1)
            if len(asked) == 50:
                stopping.set()
            yield Source(str(file), "a", "image")

    cache = HashCache(tmp_path)
    with pytest.raises(CancelledError):
        list(identify(endless(), cache, tmp_path, stopping=stopping.is_set))
    with pytest.raises(CancelledError):
        unchanged(Item("", "image", "", 3, "a", names=["a"]), tmp_path, cache, stopping=stopping.is_set)
    cache.close()
    assert len(asked) == 50


def test_hashing_gives_up_while_it_waits_for_a_file(tmp_path, monkeypatch):
    gate, stopping = threading.Event(), threading.Event()
    monkeypatch.setattr(items, "sha256_file", lambda path: gate.wait(10) and sha256_file(path))
    file = settled(tmp_path / "a", b"one")
    cache = HashCache(tmp_path)
    threading.Timer(0.1, stopping.set).start()
    threading.Timer(0.5, gate.set).start()
    with pytest.raises(CancelledError):
        list(identify(iter([Source(str(file), "a", "image")]), cache, tmp_path, stopping=stopping.is_set))
    cache.close()
