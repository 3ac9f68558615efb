"""The commands of a user, and what their logs come to."""

import pytest
import yaml

from macaw_cli.config.loading import parse_settings
from macaw_cli.config.presets import preset_yaml


def test_rows_of_a_log_become_a_curve_over_the_examples_seen():
    from workspace import training_record

    rows = [
        {"step": 10, "loss": 2.0, "examples": 40, "seconds": {"load": 0.5, "forward": 1.0}},
        {"step": 14, "loss": 1.0, "examples": 12, "seconds": {"load": 0.5, "forward": 1.0}},
    ]
    assert training_record(rows) == {"curve": [(40, 2.0), (52, 1.0)], "steps": 14, "train_s": 3.0}


def test_another_number_of_epochs_goes_to_the_first_stage_and_is_refused_where_nothing_is_left_for_it():
    from workspace import with_epochs

    stages = yaml.safe_load(preset_yaml("small"))["training"]["stages"]
    assert [stage["epochs"] for stage in with_epochs(stages, 5)] == [3, 2]
    with pytest.raises(SystemExit, match=r"--epochs 1 .* Use 3 or more"):
        with_epochs(stages, 1)


def test_every_bridge_of_the_comparison_is_one_that_the_preset_takes():
    from workspace import BRIDGES

    for bridge, overrides in BRIDGES.items():
        settings = parse_settings(yaml.safe_load(preset_yaml("small", overrides)), "small")
        assert settings.bridge.audio.name == bridge


def test_a_transcript_names_no_path_of_the_machine(tmp_path):
    from workspace import Workspace

    folder, models = tmp_path / "work" / "workspace", tmp_path / "elsewhere" / "models"
    workspace = Workspace(folder, models, tmp_path / "work" / "world", tmp_path / "work" / "word.jsonl")
    text = f"{folder}/runs/a ../../elsewhere/models/smollm2 ../world/wav {tmp_path}/work/word.jsonl"
    assert workspace._portable(text) == "./runs/a ../models/smollm2 ../world/wav ../word.jsonl"
