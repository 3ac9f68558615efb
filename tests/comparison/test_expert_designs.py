"""Experts' texts as a design beside bridges: what is trained, what it reads, which errors it has."""

import json
import shutil

import pytest

from macaw_cli.comparison.candidates import candidates_of
from macaw_cli.comparison.request import request_of
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset


@pytest.fixture(scope="module")
def space(expert_workspace, tmp_path_factory):
    root = shutil.copytree(expert_workspace, tmp_path_factory.mktemp("compared") / "workspace")
    experts = json.dumps(["transcript", {"name": "tags", "labels": "labels.txt"}])
    build_dataset(open_workspace(root, [f"dataset.experts={experts}"]))
    return root


def candidates(space, experts, *overrides):
    request = request_of(["linear"], [], None, [], experts, config=space, overrides=overrides)
    return request, candidates_of(request, space / "runs")


def test_a_design_of_texts_has_no_soft_tokens_of_what_its_experts_describe(space):
    request, (linear, heard, told) = candidates(space, ["transcript,transcript+tags"])
    assert set(linear.soft_tokens) == {"image", "audio", "video"}
    assert set(heard.soft_tokens) == {"image", "video"} and not told.soft_tokens
    assert linear.conversations == heard.conversations == told.conversations and not told.skipped
    assert linear.dataset == told.dataset
    assert request.workspace(linear.design).settings.expert_texts.names == ()
    assert request.workspace(heard.design).settings.expert_texts.names == ("transcript",)


def test_a_frozen_llm_stays_as_it_is(space):
    request, (_, told) = candidates(space, ["transcript+tags"], "training.train=[bridge]")
    assert told.error is None
    assert request.workspace(told.design).settings.training.train == ("begin_end_tokens",)
    assert "training.train=" in " ".join(request.words(told.design, 0))
    _, (_, trained) = candidates(space, ["transcript+tags"])
    assert trained.trained_parameters > told.trained_parameters


def test_texts_that_the_dataset_does_not_hold_are_the_reason_of_their_row(space):
    _, (linear, absent) = candidates(space, ["nearest-caption"])
    assert linear.error is None and "nearest-caption" in str(absent.error)
