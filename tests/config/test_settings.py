"""The settings tree itself."""

from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter

from macaw_cli.basics.errors import UsageError
from macaw_cli.config import settings
from macaw_cli.config.loading import parse_settings
from macaw_cli.config.settings import Settings
from macaw_cli.modalities.table import MODALITIES

OWN = [kind for kind in vars(settings).values() if getattr(kind, "__module__", "").startswith("macaw_cli.config.")]
SECTIONS = [kind for kind in OWN if is_dataclass(kind)]


def test_the_modalities_are_listed_in_the_order_of_their_blocks():
    assert MODALITIES[:3] == ("image", "audio", "video")


def test_every_key_is_documented_where_it_stands():
    schema = TypeAdapter(Settings).json_schema()
    missing = [
        f"{name}.{key}"
        for name, section in [("Settings", schema), *schema["$defs"].items()]
        for key, entry in section["properties"].items()
        if not entry.get("description")
    ]
    assert missing == []


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_frozen_and_has_a_default_for_every_key(section):
    one = section()
    assert get_type_hints(section)
    with pytest.raises(AttributeError):
        setattr(one, fields(section)[0].name, None)


def test_the_defaults_are_valid():
    assert TypeAdapter(Settings).validate_python({}) == Settings()


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/x", ".hidden", "a/b"])
def test_a_run_cannot_be_named_out_of_its_folder(name):
    with pytest.raises(UsageError, match=r"`training\.name`"):
        parse_settings({"training": {"name": name}}, "a test")


def test_early_stopping_needs_validations_to_count():
    with pytest.raises(UsageError, match=r"early_stopping.*training\.evaluate_every"):
        parse_settings({"training": {"early_stopping": 2, "evaluate_every": None}}, "a test")
    assert parse_settings({"training": {"early_stopping": 2}}, "a test").training.early_stopping == 2
