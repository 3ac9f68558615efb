"""A tiny world and a model trained on it for a moment; both are made by the training tests' helper."""

import shutil

import pytest
from tiny_world import make_workspace, make_world


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A workspace with a run `short` of a few steps on the tiny world."""
    from macaw_cli.training.run import train

    folder = tmp_path_factory.mktemp("evaluation")
    workspace = make_workspace(make_world(folder / "world"), folder / "workspace", name="short", max_steps=12)
    train(workspace)
    return workspace


@pytest.fixture(autouse=True)
def not_yet_evaluated(request):
    """Every test finds the shared run without an evaluation, whichever tests ran before it."""
    if "trained" in request.fixturenames:
        shutil.rmtree(request.getfixturevalue("trained").path("runs/short/evaluation"), ignore_errors=True)
