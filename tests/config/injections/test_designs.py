"""`injection:` in macaw.yaml: by name or with options, and only its own."""

import pytest

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.designs import read_injection
from macaw_cli.config.injections.table import DESIGNS, TABLE
from macaw_cli.config.loading import parse_settings


def injection(value):
    return parse_settings({"injection": value}, "test").injection


def test_the_name_alone_is_enough_and_none_is_the_default():
    assert injection("gated-cross-attention").every == 4
    assert parse_settings({}, "test").injection.name == "none"
    assert injection({"name": "gated-cross-attention", "every": 2}).every == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [({"name": "none", "every": 2}, "injection.every"), ("gated-cros-attention", "gated-cross-attention"),
     ("flamingo", r"did you mean `gated-cross-attention`, or"), ("qwen3-vl", "did you mean `deepstack`"),
     ({"name": "gated-cross-attention", "every": 0}, "injection.every"), (3, "injection")],
)  # fmt: skip
def test_other_names_and_options_are_refused(value, told):
    with pytest.raises(UsageError, match=told):
        injection(value)


def test_what_a_newer_macaw_saved_is_refused():
    for saved in ({"name": "unheard-of"}, {"name": "gated-cross-attention", "depth": 3}):
        with pytest.raises(MismatchError):
            read_injection(saved)


def test_every_design_but_none_has_its_module():
    assert set(DESIGNS) == {"none", *TABLE}
    assert all(kind().name == name for name, kind in DESIGNS.items())
