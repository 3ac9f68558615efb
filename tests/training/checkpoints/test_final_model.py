"""The model that a run ends with: under ZeRO-3 it is put together from gathered weights, without a random one first."""

import pytest
import torch

from macaw_cli.config.settings import Settings
from macaw_cli.config.training_settings import AdapterSettings, TrainingSettings
from macaw_cli.training.checkpoints.final_model import _whole_model
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model


@pytest.mark.parametrize("kind", ["none", "lora", "dora"])
@pytest.mark.parametrize("tied", [False, True])
def test_a_model_put_together_from_weights_has_all_of_them_and_shares_what_was_shared(workspace, kind, tied):
    space = workspace(adapter={"kind": kind, "rank": 2}, as_published=True)
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset)
    if tied:
        model.config.text_config.tie_word_embeddings = model.language_model.config.tie_word_embeddings = True
        model.language_model.lm_head.weight = model.get_input_embeddings().weight
    weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    settings = Settings(llm="llm", training=TrainingSettings(adapter=AdapterSettings(kind=kind, rank=2)))
    whole = _whole_model(model, weights, settings)
    found = whole.state_dict()
    assert found.keys() == weights.keys()
    assert any("null_features" in name for name in found)
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert (whole.language_model.lm_head.weight is whole.get_input_embeddings().weight) == tied
