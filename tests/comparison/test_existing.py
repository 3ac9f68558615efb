"""`macaw compare --from`: runs that exist."""

import shutil

import pytest
from compared_runs import write_compared_run
from written_run import write_run

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.comparison.existing import compare_existing


def test_runs_that_differ_in_their_seed_alone_are_one_design(tmp_path):
    runs = [
        write_compared_run(tmp_path / "a", seed=0, right=(1, 1, 0, 0)),
        write_compared_run(tmp_path / "b", seed=1, right=(1, 1, 1, 1)),
        write_compared_run(tmp_path / "c", bridge="linear", right=(1, 1, 1, 0)),
    ]
    comparison = compare_existing(runs)
    assert [(design.name, len(design.runs)) for design in comparison.designs] == [("mlp", 2), ("linear", 1)]
    assert comparison.seeds == 2
    assert comparison.designs[0].measured("all with media", "accuracy").value == 0.75
    assert comparison.designs[1].difference.value == 0.0
    assert not comparison.warnings


def test_designs_of_the_same_bridge_are_called_like_their_runs_and_their_difference_is_told(tmp_path):
    runs = [write_compared_run(tmp_path / name, learning_rate=rate) for name, rate in (("a", 1e-3), ("b", 2e-3))]
    comparison = compare_existing(runs)
    assert [design.name for design in comparison.designs] == ["a", "b"]
    assert any("training.learning_rate" in warning for warning in comparison.warnings)


@pytest.mark.parametrize(("bridge", "name"), [
    ({"name": "frame-stack", "stride": 8}, "frame-stack stride=8"),
    ({"image": "pixel-shuffle", "audio": {"name": "frame-stack", "stride": 8}, "video": "mlp"},
     "image=pixel-shuffle audio=frame-stack,stride=8 video=mlp"),
    ({"image": "mlp", "audio": "mlp", "video": "mlp"}, "mlp"),
    ({"name": "macaw", "heads": 4, "image_tokens": 5, "audio_tokens": 6, "video_tokens": 24, "dropout": 0.1},
     "macaw image_tokens=5 audio_tokens=6 video_tokens=24 ..."),
])  # fmt: skip
def test_a_design_is_named_as_it_would_be_typed_with_the_options_that_are_set(tmp_path, bridge, name):
    (design,) = compare_existing([write_compared_run(tmp_path / "a", bridge=bridge)]).designs
    assert design.name == name


def test_other_datasets_and_other_questions_are_told(tmp_path):
    runs = [
        write_compared_run(tmp_path / "a"),
        write_compared_run(tmp_path / "b", bridge="linear", dataset="cd" * 32),
        write_compared_run(tmp_path / "c", bridge="macaw", limit=3),
    ]
    warnings = " ".join(compare_existing(runs).warnings)
    assert "different datasets: a, c; b" in warnings
    assert "different questions: a; b; c" in warnings


def test_a_run_that_was_not_evaluated_shows_its_last_validation_and_says_so(tmp_path):
    runs = [write_compared_run(tmp_path / "a"), write_run(tmp_path / "b", finished=False)]
    comparison = compare_existing(runs)
    assert comparison.designs[1].measured("image", "reliance").value == 0.8
    assert comparison.designs[1].difference is None
    told = " ".join(comparison.warnings)
    assert "last validation: b" in told and "b is not finished" in told


def test_the_costs_of_a_model_are_those_of_its_configuration(workspace_folder, tmp_path):
    run = write_compared_run(tmp_path / "a")
    shutil.copytree(workspace_folder / "runs/tiny/model", run / "model")
    (design,) = compare_existing([run]).designs
    assert list(design.soft_tokens) == ["image", "audio", "video"]
    assert design.trained_parameters > 1000


def test_what_is_no_run_or_named_twice_is_refused(tmp_path):
    run = write_compared_run(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(InputError, match=folder):
            compare_existing([run, tmp_path / folder])
    with pytest.raises(UsageError, match="twice"):
        compare_existing([run, tmp_path / "empty/../a"])
