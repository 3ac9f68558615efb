import os
import time

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
