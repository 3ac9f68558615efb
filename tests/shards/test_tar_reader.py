import numpy as np
import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.npy_arrays import parse_npy
from macaw_cli.shards.positioned_reads import PositionedReads
from macaw_cli.shards.tar_reader import verify_shard, verify_size
from macaw_cli.shards.tar_writer import npy_bytes, write_shard


@pytest.fixture
def arrays():
    return [np.arange(number * 6, dtype=np.float16).reshape(number, 2, 3) for number in range(1, 5)]


@pytest.fixture
def shard(tmp_path, arrays):
    return write_shard(tmp_path / "a.tar", ({"__key__": f"k{i}", "npy": array} for i, array in enumerate(arrays)))


def read_npy(path, member):
    return parse_npy(PositionedReads(path.parent).bytes(path.name, member.offset, member.nbytes), path.name)


def test_arrays_come_back_from_their_offsets_in_any_order(shard, arrays):
    for number in (3, 0, 2, 1):
        read = read_npy(shard.path, shard.members[f"k{number}.npy"])
        np.testing.assert_array_equal(read, arrays[number])
        assert read.dtype == np.float16


def test_a_shard_cut_in_the_middle_of_a_member_is_noticed(shard):
    member = shard.members["k3.npy"]
    shard.path.write_bytes(shard.path.read_bytes()[: member.offset + 10])
    with pytest.raises(DamagedError, match=r"a\.tar ends at byte"):
        read_npy(shard.path, member)
    with pytest.raises(DamagedError, match="manifest says"):
        verify_size(shard.path, shard.nbytes)


def test_a_shard_cut_at_a_member_boundary_is_noticed(shard):
    shard.path.write_bytes(shard.path.read_bytes()[: shard.members["k2.npy"].offset - 512])
    with pytest.raises(DamagedError, match="manifest says"):
        verify_shard(shard.path, shard.nbytes, shard.sha256)


def test_a_flipped_bit_is_noticed(shard):
    content = bytearray(shard.path.read_bytes())
    content[shard.members["k1.npy"].offset + 130] ^= 1
    shard.path.write_bytes(content)
    with pytest.raises(DamagedError, match="its content has changed"):
        verify_shard(shard.path, shard.nbytes, shard.sha256)


def test_a_missing_shard_is_named(tmp_path):
    with pytest.raises(DamagedError, match=r"gone\.tar is missing"):
        PositionedReads(tmp_path).bytes("gone.tar", 0, 1)
    with pytest.raises(DamagedError, match=r"gone\.tar is missing"):
        verify_shard(tmp_path / "gone.tar", 1, "")


@pytest.mark.parametrize("content", [b"", b"no array", npy_bytes(np.zeros(4))[:-1]])
def test_what_is_no_npy_is_told(content):
    with pytest.raises(DamagedError, match="somewhere"):
        parse_npy(content, "somewhere")


def test_pickled_objects_are_never_loaded():
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DamagedError, match="Python objects"):
        parse_npy(buffer.getvalue(), "somewhere")
