"""A whole tiny workspace with a finished model."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; tiny_macaw.py stands above

import tiny_macaw


@pytest.fixture(scope="session")
def workspace_folder(tmp_path_factory):
    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("workspace"))
