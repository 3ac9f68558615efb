"""A model with the injection that a test names."""

import pytest
from every_injection import opened, settings


@pytest.fixture
def model(tiny, name):
    return opened(tiny.model("linear", injection=settings(name)))
