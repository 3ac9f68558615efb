import sys

import pytest

from macaw_cli.basics.command_line import same_config, typed_option


@pytest.mark.parametrize(("words", "value"), [
    ("extract-features a --out other", "other"), ("extract-features --out=other a", "other"),
    ("extract-features a", None), ("build-dataset --out other", None), ("", None),
])  # fmt: skip
def test_an_option_is_known_when_it_was_typed_behind_its_command(monkeypatch, words, value):
    monkeypatch.setattr(sys, "argv", ["macaw", *words.split()])
    assert typed_option("extract-features", "--out") == value


def test_the_next_command_takes_the_same_configuration_quoted_for_the_shell(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["macaw", "build-dataset", "--config", "my work/macaw.yaml"])
    assert same_config("build-dataset") == " --config 'my work/macaw.yaml'"
    monkeypatch.setattr(sys, "argv", ["macaw", "build-dataset"])
    assert same_config("build-dataset") == ""
