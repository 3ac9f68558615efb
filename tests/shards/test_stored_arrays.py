"""Features passed on as they are stored."""

import numpy as np
import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.shards.feature_rows import FeatureRow
from macaw_cli.shards.stored_arrays import StoredArrays
from macaw_cli.shards.tar_writer import npy_bytes, write_shard

ARRAY = np.arange(12, dtype=np.float16).reshape(3, 4)


def stored(tmp_path, content, shape=(3, 4)):
    written = write_shard(tmp_path / "image-000000.tar", [{"__key__": "a", "npy": content}])
    member = written.members["a.npy"]
    row = FeatureRow("a.png", "a" * 32, "image", written.path, member.offset, member.nbytes, shape, "float16", {})
    return StoredArrays(tmp_path), row


def test_an_array_and_its_bytes_come_back(tmp_path):
    arrays, row = stored(tmp_path, ARRAY)
    assert (arrays.array(row) == ARRAY).all()
    assert arrays.npy(row) == npy_bytes(ARRAY)


def test_an_array_with_another_header_is_written_anew(tmp_path):
    usual = b"'fortran_order': False, 'shape': (3, 4), }"
    other = npy_bytes(ARRAY).replace(usual, usual.replace(b"False", b"True").ljust(len(usual)))
    arrays, row = stored(tmp_path, other)
    assert arrays.npy(row) == npy_bytes(ARRAY.reshape(-1).reshape((3, 4), order="F")) != other


@pytest.mark.parametrize("shape", [(4, 3), (3, 5)])
def test_an_array_of_another_shape_than_the_manifest_says_is_told(tmp_path, shape):
    arrays, row = stored(tmp_path, ARRAY, shape)
    with pytest.raises(DamagedError, match="manifest says"):
        arrays.npy(row)
