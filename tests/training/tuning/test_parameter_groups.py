"""What is trained and how: groups, weight decay on matrices only, frozen LLM."""

import pytest
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.training_settings import (
    GROUPS,
    AdapterSettings,
    GroupSettings,
    GroupsSettings,
    TrainingSettings,
)
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.adapters import add_adapter
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import counts_by_group, freeze, group_of, parameter_groups


@pytest.fixture
def inputs(workspace):
    return prepare(workspace())


@pytest.fixture
def model(workspace, inputs):
    return new_model(workspace(), inputs.config, inputs.dataset)


@pytest.fixture
def batch(inputs):
    """One packed sequence with media of every modality."""
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    return reader.read(tuple(range(0, 60, 4))).inputs(torch.device("cpu"))


def test_every_parameter_is_in_one_group_and_only_matrices_decay(model):
    freeze(model, GROUPS)
    groups = parameter_groups(model, TrainingSettings(weight_decay=0.1))
    assert sum(p.numel() for group in groups for p in group["params"]) == sum(p.numel() for p in model.parameters())
    for group in groups:
        assert {p.dim() > 1 for p in group["params"]} == {group["weight_decay"] > 0}


def names_that(model, has_gradient):
    return {name for name, parameter in model.named_parameters() if (parameter.grad is not None) == has_gradient}


@pytest.mark.parametrize(
    "trained", [("bridge",), ("begin_end_tokens",), ("llm",), ("bridge", "begin_end_tokens"), GROUPS]
)
def test_exactly_the_named_groups_get_gradients(model, batch, trained):
    freeze(model, trained)
    model(**batch, return_logits=False).loss.backward()
    groups = model.trainable_groups()
    expected = {name for group in trained for name in groups[group]}
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == expected
    assert names_that(model, has_gradient=True) == expected
    prefixes = {"bridge": "fusion.bridges.", "begin_end_tokens": "fusion.begin_end_embeddings."}
    prefixes |= {"llm": "language_model.", "injection": "injection."}
    assert {name for name in expected if not name.startswith(tuple(prefixes[group] for group in trained))} == set()
    assert sum(map(len, groups.values())) == len(list(model.named_parameters()))


def test_a_group_has_its_own_decay(model):
    freeze(model, GROUPS)
    own = GroupsSettings(llm=GroupSettings(weight_decay=0.5))
    groups = {group["name"]: group for group in parameter_groups(model, TrainingSettings(groups=own))}
    assert groups["llm"]["weight_decay"] == 0.5
    assert groups["bridge"]["weight_decay"] == 0.0
    assert groups["llm (no decay)"]["weight_decay"] == 0.0
    assert {group_of(name) for name in groups} == set(GROUPS) - {"injection"}, "this model has none"


def test_a_group_without_parameters_is_fine_beside_others_but_not_alone(model):
    groups = model.trainable_groups() | {"begin_end_tokens": {}}
    model.trainable_groups = lambda: groups
    freeze(model, ("bridge", "begin_end_tokens"))
    assert {group_of(group["name"]) for group in parameter_groups(model, TrainingSettings())} == {"bridge"}
    with pytest.raises(UsageError, match="begin_end_tokens"):
        freeze(model, ("begin_end_tokens",))


def test_an_adapter_leaves_the_llms_own_weights_frozen_and_counted(model):
    before = sum(p.numel() for p in model.language_model.parameters())
    add_adapter(model.language_model, AdapterSettings(kind="lora", rank=2), seed=0)
    freeze(model, ("bridge", "llm"))
    trained = [p for p in model.language_model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in model.language_model.parameters() if not p.requires_grad) == before
    assert len(trained) == sum(".lora_" in name for name, _ in model.named_parameters()) > 0
    counts = counts_by_group(model, TrainingSettings(train=("bridge", "llm")))
    assert counts["llm"] == (sum(p.numel() for p in trained), before)


def test_bridge_alone_leaves_the_llm_frozen(model):
    freeze(model, ("bridge", "begin_end_tokens"))
    names = {group["name"].split(" ")[0] for group in parameter_groups(model, TrainingSettings())}
    assert names == {"bridge", "begin_end_tokens"}
    assert not any(p.requires_grad for p in model.language_model.parameters())
    counts = counts_by_group(model, TrainingSettings(train=("bridge", "begin_end_tokens")))
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert sum(on for on, _ in counts.values()) == trained > 0
    assert sum(map(sum, counts.values())) == sum(p.numel() for p in model.parameters())
