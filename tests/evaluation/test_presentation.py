"""The plot and the tables of an evaluation."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.presentation import COLUMNS, accuracy_height, draw_accuracies, table_rows
from macaw_cli.reports.drawing import WIDTH_IN


@pytest.mark.parametrize(("width", "font_size"), [(WIDTH_IN, 10), (8, 9)], ids=["in a page", "as a file"])
def test_the_legend_of_the_accuracies_lies_within_the_plot(width, font_size):
    chosen = Scored("series/trend", "series", "up", {"real": True, "none": False, "swapped": False})
    free = Scored("series/forecast", "series", "1 2", likelihood={"real": -1.0, "swapped": -2.0}, tokens=3)
    figures = report("m", [chosen, free])
    with mpl.rc_context({"font.size": font_size}):
        figure = Figure(figsize=(width, accuracy_height(figures)), dpi=100, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        draw_accuracies(figure, figures)
        canvas.draw()
        (legend,) = figure.legends
        assert len(legend.get_texts()) == 5
        box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= width * 100


def test_a_table_says_of_how_many_of_the_questions_the_accuracy_is():
    right = {"real": True, "none": False, "swapped": False}
    asked = [Scored("a", "image", "x", right, choices=("x", "y")), Scored("a", "image", "x", right, choices=("x", "y"))]
    free = Scored("b", "image", "one two", likelihood={"real": -1.0, "swapped": -2.0}, tokens=2)
    rows = {row[0].strip(): row for row in table_rows(report("m", [*asked, free]))}
    assert COLUMNS[1] == "n"
    assert {name: row[1] for name, row in rows.items()} == {
        "image": "2 of 3", "a": "2", "b": "1", "all with media": "2 of 3",
    }  # fmt: skip
