"""Soft tokens of bridges with norms are as large as the LLM's word embeddings."""

import pytest
import torch
from torch import nn

from macaw_cli.model.bridges.bridge import Bridge, BridgeContext
from macaw_cli.model.bridges.calibrated_norm import CalibratedNorm
from macaw_cli.model.bridges.projection import ProjectionBridge
from macaw_cli.model.modeling import MacawForConditionalGeneration


@pytest.mark.parametrize(
    "name",
    ["frame-stack", "latent-cross-attention", "linear", "mlp", "pooled", "q-former", "query-decoder", "resampler"],
)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_soft_tokens_are_as_large_as_the_embeddings_however_large_the_features_are(tiny, name, size):
    model = tiny.model(name, norm=True)
    with torch.no_grad():
        model.embedding_matrix.mul_(7.0)
    model.calibrate()
    features = [size * medium for medium in tiny.features("image", 3)]
    soft = model.fusion.bridges["image"](features, BridgeContext(model.embedding_matrix))
    expected = model.embedding_matrix.square().mean().sqrt()
    torch.testing.assert_close(soft.square().mean().sqrt(), expected, rtol=0.25, atol=0)


@pytest.mark.parametrize("name", ["linear", "mlp", "frame-stack"])
def test_without_norms_there_is_nothing_to_calibrate(tiny, name):
    model = tiny.model(name, norm=False)
    before = {key: value.clone() for key, value in model.fusion.bridges.state_dict().items()}
    model.fusion.bridges.calibrate(model.embedding_matrix.detach() * 9)
    assert all(torch.equal(value, before[key]) for key, value in model.fusion.bridges.state_dict().items())
    assert not [module for module in model.fusion.bridges.modules() if isinstance(module, nn.LayerNorm)]


def test_a_calibrated_model_is_saved_and_loaded_as_it_is(tiny, tmp_path):
    model = tiny.model("mlp", norm=True)
    with torch.no_grad():
        model.embedding_matrix.mul_(3.0)
    model.calibrate()
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path)
    weight = model.fusion.bridges["audio"].output_norm.weight
    assert torch.equal(loaded.fusion.bridges["audio"].output_norm.weight, weight)
    assert torch.all(weight == weight[0]) and weight[0] > 2 * 0.02


def test_weights_that_no_file_holds_get_their_initial_values(tiny):
    """transformers builds on the `meta` device, where nothing that a constructor computes survives."""
    from macaw_cli.model.initial_weights import initialise

    bridge = tiny.model("frame-stack").fusion.bridges["audio"]
    assert isinstance(bridge, ProjectionBridge)
    with torch.no_grad():
        for norm in (bridge.input_norm, bridge.output_norm):
            norm.weight.fill_(9.0), norm.bias.fill_(9.0)
            initialise(norm, 0.02)
    assert torch.all(bridge.input_norm.weight == 1) and torch.all(bridge.input_norm.bias == 0)
    assert torch.all(bridge.output_norm.weight == bridge.output_norm.unit) and torch.all(bridge.output_norm.bias == 0)


def test_the_rms_is_that_of_the_matrix_in_16_bits_too():
    norm = CalibratedNorm(8, 0.02)
    matrix = torch.randn(4000, 8).mul(0.3).to(torch.bfloat16)
    norm.calibrate(matrix)
    torch.testing.assert_close(norm.weight[0], matrix.float().square().mean().sqrt(), rtol=1e-4, atol=0)


def test_a_bridge_that_has_nothing_to_calibrate_inherits_that():
    assert Bridge().calibrate(torch.zeros(3, 2)) is None
