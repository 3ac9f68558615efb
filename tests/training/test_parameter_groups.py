"""What is trained and how: groups, weight decay on matrices only, frozen LLM."""

import pytest

from macaw_cli.config.training_settings import GROUPS, TrainingSettings
from macaw_cli.training.materials import prepare
from macaw_cli.training.model_setup import new_model
from macaw_cli.training.parameter_groups import freeze, parameter_counts, parameter_groups


@pytest.fixture
def model(workspace):
    space = workspace()
    materials = prepare(space)
    return new_model(space, materials.config, materials.dataset)


def test_every_parameter_is_in_one_group_and_only_matrices_decay(model):
    freeze(model, GROUPS)
    groups = parameter_groups(model, TrainingSettings(weight_decay=0.1))
    assert sum(p.numel() for group in groups for p in group["params"]) == sum(p.numel() for p in model.parameters())
    for group in groups:
        assert {p.dim() > 1 for p in group["params"]} == {group["weight_decay"] > 0}


def test_bridge_alone_leaves_the_llm_frozen(model):
    freeze(model, ("bridge", "tags"))
    assert {group["name"].split(" ")[0] for group in parameter_groups(model, TrainingSettings())} == {"bridge", "tags"}
    counts = parameter_counts(model)
    assert counts["llm"][0] == counts["bridge"][1] == counts["tags"][1] == 0
    assert counts["bridge"][0] > 0
    assert sum(map(sum, counts.values())) == sum(p.numel() for p in model.parameters())
