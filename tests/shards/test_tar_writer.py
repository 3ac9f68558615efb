import io
import json

import numpy as np
import pytest

from macaw_cli.shards.tar_writer import ShardWriter, write_shard


def samples(count=4):
    generator = np.random.default_rng(0)
    for number in range(count):
        array = generator.standard_normal((3 + number, 5)).astype(np.float16)
        yield {"__key__": f"key{number}", "npy": array, "json": {"name": f"Käse {number}"}, "image1.npy": array[:1]}


def test_equal_samples_give_equal_bytes(tmp_path):
    first, second = write_shard(tmp_path / "a.tar", samples()), write_shard(tmp_path / "b.tar", samples())
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert first.sha256 == second.sha256 and first.nbytes == (tmp_path / "a.tar").stat().st_size


def test_offsets_point_at_the_content_of_each_member(tmp_path):
    shard = write_shard(tmp_path / "a.tar", samples())
    content = shard.path.read_bytes()
    for sample in samples():
        member = shard.members[f"{sample['__key__']}.npy"]
        array = np.load(io.BytesIO(content[member.offset : member.offset + member.nbytes]), allow_pickle=False)
        np.testing.assert_array_equal(array, sample["npy"])
        member = shard.members[f"{sample['__key__']}.json"]
        assert json.loads(content[member.offset : member.offset + member.nbytes]) == sample["json"]


def test_the_bytes_are_those_of_webdataset_s_own_writer(tmp_path):
    from webdataset.writer import TarWriter

    shard = write_shard(tmp_path / "a.tar", samples())
    content = shard.path.read_bytes()
    with (tmp_path / "b.tar").open("wb") as file, TarWriter(file, encoder=False, mtime=0, compress=False) as tar:
        for key in dict.fromkeys(name.partition(".")[0] for name in shard.members):
            mine = {name: one for name, one in shard.members.items() if name.startswith(f"{key}.")}
            members = {name.partition(".")[2]: content[one.offset : one.offset + one.nbytes]
                       for name, one in mine.items()}  # fmt: skip
            tar.write({"__key__": key, **members})
    assert (tmp_path / "b.tar").read_bytes() == content


@pytest.mark.filterwarnings("ignore")  # webdataset leaves its file open
def test_plain_webdataset_reads_the_shard(tmp_path):
    import webdataset

    shard = write_shard(tmp_path / "a.tar", samples())
    read = list(webdataset.WebDataset(str(shard.path), shardshuffle=False))
    assert [sample["__key__"] for sample in read] == [f"key{number}" for number in range(4)]
    assert set(read[0]) >= {"npy", "json", "image1.npy"}


def test_an_error_on_the_way_leaves_no_file(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path / "a.tar") as shard:
        shard.add(next(samples()))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a.b", "../evil", "/abs", "", "key0"])
def test_keys_that_would_merge_escape_or_repeat_are_refused(tmp_path, key):
    with ShardWriter(tmp_path / "a.tar") as shard:
        shard.add({"__key__": "key0", "json": 1})
        with pytest.raises(ValueError, match="key"):
            shard.add({"__key__": key, "json": 1})
        shard.finish()


def test_object_arrays_are_refused(tmp_path):
    with ShardWriter(tmp_path / "a.tar") as shard, pytest.raises(ValueError):
        shard.add({"__key__": "a", "npy": np.array([object()])})
