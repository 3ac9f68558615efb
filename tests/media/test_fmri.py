import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import decode


def decoded(path, voxels=4):
    return decode({"path": str(path), "modality": "fmri", "shape": [1, voxels]})


def test_a_vector_is_one_token_normalised_over_its_voxels(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, 3.0], [5.0, np.nan]]))
    known, arrays = decoded(tmp_path / "a.npy")
    np.testing.assert_allclose(arrays["fmri"], [[-np.sqrt(1.5), 0, np.sqrt(1.5), 0]], rtol=1e-6)
    assert known == {"voxels": 4}


@pytest.mark.parametrize(("values", "told"), [(np.ones(3), "features.fmri.voxels=3"), (np.full(4, np.nan), "NaN")])
def test_other_vectors_are_refused(tmp_path, values, told):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError) as refused:
        decoded(tmp_path / "a.npy")
    assert told in f"{refused.value.problem} {refused.value.hint}"
