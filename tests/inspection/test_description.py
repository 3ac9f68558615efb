"""Facts in a few words."""

import pytest

from macaw_cli.inspection.description import shapes_text


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ([(16, 24)], "16 x 24"), ([(5, 8), (2, 8)], "2 x 8, 5 x 8"),
        ([(n, 384) for n in range(1, 1501)], "1-1500 x 384 (1500 different)"), ([], ""),
        ([(2, 3, 8), (4, 8), (5, 8), (6, 8)], "2 x 3 x 8, 4 x 8, 5 x 8, 6 x 8"),
    ],
)  # fmt: skip
def test_shapes_are_sorted_and_many_are_summarised(shapes, told):
    assert shapes_text(shapes) == told
