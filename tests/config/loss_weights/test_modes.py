"""`training.loss_weights` in macaw.yaml: by the mode or with options, and only its own."""

import pytest
import yaml

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import open_workspace, parse_settings, settings_yaml
from macaw_cli.config.loss_weights.modes import MODES


def weights(value):
    return parse_settings({"training": {"loss_weights": value}}, "test").training.loss_weights


def test_the_mode_alone_is_enough_and_none_is_the_default():
    for mode in MODES:
        assert weights(mode) == weights({"mode": mode})
        assert weights(mode).mode == mode
    assert parse_settings({}, "test").training.loss_weights.mode == "none"


def test_sets_of_modalities_have_one_name():
    assert weights({"mode": "fixed", "weights": {"video+audio": 2, "text": 0}}).weights == {"audio+video": 2, "text": 0}


@pytest.mark.parametrize(
    ("value", "told"),
    [("uncertain", "uncertainty"), ({"mode": "fixed", "alpha": 1}, r"training\.loss_weights\.weights"),
     ({"mode": "fixed", "weights": {"smell": 1}}, "smell"), ({"mode": "fixed", "weights": {"image+image": 1}}, "image"),
     ({"mode": "fixed", "weights": {"text+image": 1}}, "image"), ({"mode": "fixed", "weights": {"image": -1}}, "image"),
     ({"mode": "gradnorm", "alpha": -1}, "alpha"), ({"mode": "mixture", "entropy_floor": 2}, "entropy_floor"),
     (3, "3")],
)  # fmt: skip
def test_other_modes_and_options_are_refused(value, told):
    with pytest.raises(UsageError, match=told):
        weights(value)


def test_they_are_written_and_read_back_and_set_from_the_command_line(tmp_path):
    settings = parse_settings({"training": {"loss_weights": {"mode": "mixture", "memory": 0.5}}}, "test")
    assert parse_settings(yaml.safe_load(settings_yaml(settings)), "test") == settings
    (tmp_path / "macaw.yaml").write_text(settings_yaml(settings))
    typed = ["training.loss_weights=fixed", "training.loss_weights.weights.image=2"]
    assert open_workspace(tmp_path, typed).settings.training.loss_weights.weights == {"image": 2}
