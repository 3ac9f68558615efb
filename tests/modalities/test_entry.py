"""What another package may add to the table of modalities."""

from dataclasses import replace

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.entry import ModalityEntry, require_usable
from macaw_cli.modalities.table import BUILT_IN

ROWS = {row.name: row for row in BUILT_IN}
GOOD = ModalityEntry("gaze", "gaze", (".csv",), None, "macaw_gaze:decode", feature_shape=(512, 2))


def test_a_row_with_a_decoder_of_its_own_is_usable():
    assert require_usable(GOOD, ROWS, "macaw-gaze") is GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"name": "image"}, {"name": "Series"}, {"name": "my gaze"}, {"name": "messages"}, {"name": "input"},
        {"extensions": (".png",)}, {"extensions": ("csv",)}, {"extensions": (".tar",)}, {"extensions": ()},
        {"encoder": "image"}, {"feature_rank": 3}, {"raw_keyword": "gaze_values"}, {"keyword": "many"},
        {"feature_shape": None}, {"feature_shape": (0, 2)},
    ],
)  # fmt: skip
def test_a_row_that_would_disturb_another_is_refused_with_the_package(change):
    with pytest.raises(UsageError, match="macaw-gaze"):
        require_usable(replace(GOOD, **change), ROWS, "macaw-gaze")


def test_an_entry_point_that_names_something_else_is_refused():
    with pytest.raises(UsageError, match="macaw-gaze"):
        require_usable("gaze", ROWS, "macaw-gaze")
