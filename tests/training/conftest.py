"""One tiny world for all training tests, and workspaces that train on it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; tiny_llms.py stands above
sys.path.insert(0, str(Path(__file__).parent))  # and tiny_world.py beside this

from tiny_world import make_workspace, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder with an LLM, a feature store and a dataset."""
    return make_world(tmp_path_factory.mktemp("training-world"))


@pytest.fixture
def workspace(world, tmp_path):
    """`workspace(**training settings)`: a workspace in the test's folder, or in the subfolder `at`."""

    def make(at: str = ".", **training):
        return make_workspace(world, tmp_path / at, **training)

    return make
