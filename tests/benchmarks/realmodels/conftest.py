"""The programs of `benchmarks/realmodels` import each other by name."""

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "benchmarks" / "realmodels"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
