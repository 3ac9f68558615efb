"""Runs that were never trained, for tests of what is made of their files."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; written_run.py stands above

from written_run import write_run


@pytest.fixture
def run(tmp_path):
    """`run(name, **changes)`: the folder of a run."""

    def make(name="first", **changes):
        return write_run(tmp_path / "runs" / name, **changes)

    return make
