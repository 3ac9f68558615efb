import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import decode

NAMES = "ax,ay,az,gx,gy,gz"


def decoded(path, rows, header=f"time,{NAMES}"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    known, arrays = decode({"path": str(path), "modality": "imu"})
    return known, arrays["imu"]


def test_samples_are_brought_to_one_rate_by_their_times(tmp_path):
    times = [0.0, 0.013, 0.02, 0.05]
    known, values = decoded(tmp_path / "a.csv", [[time, *(10 * time + axis for axis in range(6))] for time in times])
    expected = 10 * np.arange(6)[:, None] / 100 + np.arange(6)
    np.testing.assert_allclose(values, expected, atol=1e-6)
    assert known == {"steps": 6, "duration": 0.06, "columns": NAMES.split(",")}


def test_without_times_the_rows_are_taken_as_they_are_and_gaps_are_filled(tmp_path):
    known, values = decoded(tmp_path / "a.csv", [[1] * 6, ["", 2, 2, 2, 2, 2], [3] * 6], NAMES)
    np.testing.assert_array_equal(values, np.repeat([[1.0], [2.0], [3.0]], 6, axis=1))
    assert known["filled"] == 1


def test_missing_values_of_timed_rows_are_counted_as_filled(tmp_path):
    rows = [[0.0, *[1] * 6], [0.01, "", "", *[2] * 4], [0.02, *[3] * 6]]
    known, values = decoded(tmp_path / "a.csv", rows)
    np.testing.assert_array_equal(values[1], [2] * 6)
    assert known["filled"] == 2


def test_a_single_sample_can_be_used_with_a_warning(tmp_path):
    known, values = decoded(tmp_path / "a.csv", [[1] * 6], NAMES)
    assert known["steps"] == len(values) == 1
    assert "single" in known["warning"]


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        ([[0, 1, 2, 3]], "time,ax,ay,az", "6"), ([[0.0, *[1] * 6], [0.0, *[1] * 6]], f"t,{NAMES}", "rise"),
        ([[0.0, *[1] * 6], [99.0, *[1] * 6]], f"time,{NAMES}", "20.5 s"),
        ([[-1e308, *[1] * 6], [1e308, *[1] * 6]], f"time,{NAMES}", "20.5 s"), ([[1] * 6] * 2049, NAMES, "2048"),
        ([[0.0, *[1] * 6], [0.01, *[1] * 5, ""], [0.02, *[1] * 5, ""]], f"time,{NAMES}", "2 of 3.*gz"),
    ],
)  # fmt: skip
def test_other_recordings_are_refused(tmp_path, rows, header, told):
    with pytest.raises(InputError, match=told):
        decoded(tmp_path / "a.csv", rows, header)
