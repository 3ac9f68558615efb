"""Designs before they are trained: what they have in common, and which of them cannot be."""

import re

import pytest
import yaml
from tiny_world import make_workspace

from macaw_cli.basics.errors import InputError, MacawError, UsageError
from macaw_cli.comparison.candidates import PLANNED, candidates_of, unnamed_bridges
from macaw_cli.comparison.request import request_of
from macaw_cli.training.run_folder import RunFolder

STACKED = "{name: frame-stack, stride: 3}"


@pytest.fixture
def space(world, tmp_path):
    return make_workspace(world, tmp_path / "space").root


def candidates(space, bridges, budget=None, *overrides, **options):
    request = request_of([bridges], [], budget, [], config=space, overrides=overrides, **options)
    return candidates_of(request, space / "runs")


def test_a_medium_counts_as_in_the_design_that_takes_most_places(space):
    linear, stacked = candidates(space, f"linear,{STACKED}", "5steps")
    assert linear.settings == stacked.settings == {
        PLANNED: {"image": 4, "audio": 6, "video": 8}, "training.max_steps": 5, "training.epochs": 5.0
    }  # fmt: skip
    assert stacked.soft_tokens == {"image": 2, "audio": 2, "video": 4}
    assert linear.trained_parameters != stacked.trained_parameters


def test_designs_that_take_equally_many_places_need_no_common_count(space):
    assert [candidate.settings for candidate in candidates(space, "linear,mlp")] == [{}, {}]


def test_a_comparison_that_was_begun_goes_on_with_its_own_count(space):
    run = RunFolder(space / "runs" / "compare-linear-seed0")
    run.path.mkdir(parents=True)
    sections = {"version": 1, "seed": 0, "bridge": "linear", "features": {}}
    begun = sections | {"training": {"planned_soft_tokens": {"image": 9}}}
    run.settings_file.write_text(yaml.safe_dump(begun, sort_keys=False))
    assert candidates(space, "linear,mlp")[0].settings == {PLANNED: {"image": 9}}


def test_tokens_are_counted_for_each_design(space):
    linear, stacked = candidates(space, f"linear,{STACKED}", "20000tokens")
    assert stacked.settings["training.max_steps"] >= linear.settings["training.max_steps"] > 5


def test_a_design_that_leaves_out_what_others_train_on_cannot_be_compared(space):
    wide = "{name: macaw, image_tokens: 1, audio_tokens: 1, video_tokens: 1}"
    found = candidates(space, f"{wide},linear", None, "training.max_length=157")
    assert found[0].error is None
    assert isinstance(found[1].error, InputError)
    proposed = re.findall(r"--set (training\.\w+=\d+)", found[1].error.hint)
    assert [name.partition("=")[0] for name in proposed] == ["training.max_length", "training.sequence_length"]
    assert int(proposed[0].partition("=")[2]) <= 256
    assert [one.error for one in candidates(space, f"{wide},linear", None, *proposed)] == [None, None]


def test_what_is_wrong_with_all_designs_is_the_error_of_the_command(space):
    with pytest.raises(UsageError, match="heads"):
        candidates(space, "{name: macaw, heads: 5}")
    with pytest.raises(MacawError, match="nowhere"):
        candidates(space, "linear,mlp", None, "dataset.out=nowhere")


def test_a_modality_that_a_design_leaves_to_the_default_is_told_with_its_soft_tokens(space):
    named, both, others = candidates(space, "{image: mlp, audio: mlp},linear,{name: mlp, audio: linear}")
    told = unnamed_bridges(named)
    assert "video the default macaw" in told and f"{named.soft_tokens['video']:.0f} soft tokens" in told
    assert unnamed_bridges(both) == unnamed_bridges(others) == ""
