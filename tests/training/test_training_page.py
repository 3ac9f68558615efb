"""docs/training.md: its settings are settings, and its recipe is the preset's."""

import re
from pathlib import Path

import pytest
import yaml

from macaw_cli.config.loading import parse_settings
from macaw_cli.config.presets import preset_yaml
from macaw_cli.config.stages import stage_settings

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_page_is_valid(example):
    assert parse_settings(yaml.safe_load(example), "docs/training.md").training


def test_the_pages_recipe_is_that_of_the_preset_llava():
    page = next(yaml.safe_load(example) for example in EXAMPLES if "stages" in example)
    preset = yaml.safe_load(preset_yaml("llava"))
    shown, shipped = (stage_settings(parse_settings(tree, "test").training) for tree in (page, preset))
    for (name, one), (other_name, other) in zip(shown, shipped, strict=True):
        assert name == other_name
        assert (one.train, one.learning_rate, one.global_batch_size, one.warmup_ratio, one.epochs) == (
            other.train, other.learning_rate, other.global_batch_size, other.warmup_ratio, other.epochs,
        )  # fmt: skip
