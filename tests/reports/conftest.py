"""Runs that were never trained, for tests of what is made of their files."""


import pytest
from written_run import write_run


@pytest.fixture
def run(tmp_path):
    """`run(name, **changes)`: the folder of a run."""

    def make(name="first", **changes):
        return write_run(tmp_path / "runs" / name, **changes)

    return make
