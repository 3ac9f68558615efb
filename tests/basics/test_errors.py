"""Errors keep both halves, between processes as well."""

import pickle

import pytest

from macaw_cli.basics import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MacawError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_trip_between_processes(kind):
    arrived = pickle.loads(pickle.dumps(kind("What happened.", "What to do.")))
    assert type(arrived) is kind
    assert (arrived.problem, arrived.hint) == ("What happened.", "What to do.")
    assert str(arrived) == "What happened. What to do."


def test_exit_codes_are_those_of_the_contract():
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    assert codes.pop("UsageError") == 2
    assert set(codes.values()) == {1}
    assert errors.Interrupted("x").exit_code == 130
    assert pickle.loads(pickle.dumps(errors.Interrupted("x", exit_code=143))).exit_code == 143
