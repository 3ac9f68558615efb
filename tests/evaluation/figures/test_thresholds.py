"""Figures by the names that are typed, and what becomes of one that is below its threshold."""

import pytest

from macaw_cli.basics.errors import QualityError, UsageError
from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.figures.thresholds import named_figures, require_known, require_reached, thresholds_of


@pytest.fixture
def figures():
    def asked(kind, modality, real, swapped):
        return Scored(kind, modality, "x", {"real": real, "none": False, "swapped": swapped}, choices=("x", "y"))

    free = Scored("say", "audio", "one two", likelihood={"real": -1.0, "swapped": -3.0}, tokens=2,
                  generated={"real": "one two"}, metrics=("wer",))  # fmt: skip
    text = Scored("sum", "text", "4", {"real": True}, choices=("4", "5"))
    image = [asked("image/colour", "image", n < 3, n == 0) for n in range(4)]
    return report("m", [*image, free, text]) | {"asked": {"limit": 3}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reliance", 0.5),
        ("overall.reliance", 0.5),
        ("image.reliance", 0.5),
        ("modalities.image.reliance", 0.5),
        ("image.accuracy", 0.75),
        ("image.real", 0.75),
        ("image/colour.swapped", 0.25),
        ("preference", 1.0),
        ("audio.wer.real", 0.0),
        ("text.accuracy", 1.0),
        ("modalities.image.accuracy", 0.75),
        ("modalities.audio.wer.real", 0.0),
        ("audio.metrics.wer.real", 0.0),
        ("audio.reliance", None),
        ("n", 5),
    ],
)
def test_every_figure_has_a_dotted_name(figures, name, value):
    assert named_figures(figures)[name] == value


def test_reached_figures_pass_also_where_they_are_equal(figures):
    require_reached(figures, thresholds_of(["reliance=0.5", "image.accuracy=0.7", "audio.gap = 1"]))


def test_a_figure_below_its_threshold_is_told_with_both_values(figures):
    with pytest.raises(QualityError, match=r"image\.reliance is 0\.5, below 0\.6; preference is 1, below 2") as told:
        require_reached(figures, thresholds_of(["image.reliance=0.6", "n=1", "preference=2"]))
    assert told.value.exit_code == 1


def test_of_a_figure_that_counts_errors_the_value_is_the_most_that_is_accepted(figures):
    wrong = Scored("say", "audio", "one two", likelihood={"real": -1.0, "swapped": -3.0}, tokens=2,
                   generated={"real": "four five"}, metrics=("wer",))  # fmt: skip
    with pytest.raises(QualityError, match=r"audio\.wer\.real is 1, above 0\.2"):
        require_reached(report("m", [wrong]), thresholds_of(["audio.wer.real=0.2", "n=1"]))
    require_reached(figures, thresholds_of(["audio.wer.real=0.2"]))
    task = {"score": "errors", "higher_is_better": False, "reliance": 0.5,
            "conditions": {"real": {"n": 4, "errors": 0.3, "cer": 0.1, "groups": {"set": {"a": {"errors": 0.4}}}}}}
    require_reached({"tasks": {"t": task}}, thresholds_of(["t.real.errors=0.3", "t.real.cer=0.2", "t.reliance=0.4"]))
    with pytest.raises(QualityError, match=r"t\.real\.set\.a\.errors is 0\.4, above 0\.3.*reliance is 0\.5, below"):
        require_reached({"tasks": {"t": task}}, thresholds_of(["t.real.set.a.errors=0.3", "t.reliance=0.6"]))


def test_a_figure_that_was_not_measured_is_not_reached(figures):
    with pytest.raises(QualityError, match=r"audio\.reliance was not measured"):
        require_reached(figures, thresholds_of(["audio.reliance=0"]))


@pytest.mark.parametrize(
    ("name", "nearest"), [("relience", "reliance"), ("imge.reliance", r"image\.reliance"), ("asked.limit", "figure")]
)
def test_an_unknown_figure_names_the_nearest(figures, name, nearest):
    with pytest.raises(UsageError, match=nearest):
        require_reached(figures, thresholds_of([f"{name}=0.3"]))


@pytest.mark.parametrize("typed", ["reliance", "=0.3", "reliance=", "reliance=high", "reliance=nan", "reliance=inf"])
def test_what_is_not_a_name_and_a_number_is_refused(typed):
    with pytest.raises(UsageError, match="--fail-under"):
        thresholds_of([typed])


@pytest.mark.parametrize("name", ["reliance", "image.accuracy", "image/colour.swapped", "preference"])
def test_a_share_above_1_is_refused_as_it_cannot_be_reached(figures, name):
    require_known(figures, thresholds_of([f"{name}=1", "audio.wer.real=3", "n=5", "audio.gap=2"]))
    with pytest.raises(UsageError, match=f"{name} is at most 1"):
        require_known(figures, thresholds_of([f"{name}=30"]))


def test_the_message_about_an_unknown_figure_lists_those_that_there_are(figures):
    told = r"accuracy.*reliance.*, as in image\.reliance\. Groups: image, audio, image/colour"
    with pytest.raises(UsageError, match=told):
        require_known(figures, thresholds_of(["zzzz=0.3"]))
