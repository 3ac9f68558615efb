"""`macaw init` as a user types it."""

from typing import get_args

import pytest
from typer.testing import CliRunner

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.config.recipes import Preset
from macaw_cli.main import app


def init(*words):
    return CliRunner().invoke(app, ["init", *map(str, words)])


@pytest.mark.parametrize("preset", get_args(Preset))
def test_every_preset_is_written_with_its_comments_and_read_back(tmp_path, preset):
    done = init(tmp_path / "new", "--preset", preset)
    assert done.exit_code == 0
    assert done.stdout.endswith(f"Next: cd {tmp_path / 'new'} && macaw extract-features\n")
    assert (tmp_path / "new/macaw.yaml").read_text().count("#") >= 4
    assert open_workspace(tmp_path / "new").root == tmp_path / "new"


def test_without_words_it_writes_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert init().stdout.endswith("Next: macaw extract-features\n")
    assert open_workspace().settings.bridge.image.name == "mlp"


def test_a_macaw_yaml_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "macaw.yaml").write_text("seed: 3\n")
    done = init(tmp_path)
    assert isinstance(done.exception, InputError)
    assert "exists already" in done.exception.problem
    assert (tmp_path / "macaw.yaml").read_text() == "seed: 3\n"


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is a file" in init(tmp_path / "file").exception.problem


def test_an_unknown_preset_is_wrong_usage_that_lists_the_known_ones(tmp_path):
    done = init(tmp_path, "--preset", "papper")
    assert done.exit_code == 2
    assert "paper" in done.stderr


def test_values_can_be_set_and_a_wrong_key_writes_nothing(tmp_path):
    assert init(tmp_path, "--set", "llm=models/llm", "--set", "seed=3").exit_code == 0
    settings = open_workspace(tmp_path).settings
    assert (settings.llm, settings.seed, settings.bridge.image.name) == ("models/llm", 3, "mlp")
    refused = init(tmp_path / "other", "--set", "training.epoch=1")
    assert isinstance(refused.exception, UsageError)
    assert "training.epochs" in refused.exception.problem
    assert not (tmp_path / "other" / "macaw.yaml").exists()
