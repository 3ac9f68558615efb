import pytest
import torch
from safetensors.torch import load_file, save_file

from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.bridges.mlp import MlpBridgeSettings
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.earlier_names import LATER_BUFFERS
from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.processing import MacawProcessor

CENTERED = [LinearBridgeSettings(norm=True), MlpBridgeSettings(norm=True), FrameStackBridgeSettings()]


def soft_tokens(model, medium):
    context = BridgeContext(model.get_input_embeddings().weight)
    return model.eval().fusion.bridges["audio"]([medium], context)


@pytest.mark.parametrize("settings", CENTERED, ids=lambda settings: settings.name)
def test_what_all_media_share_does_not_reach_the_llm(tiny, settings):
    model, shared = tiny.model(settings), 7 * torch.randn(12)
    (medium,) = tiny.features("audio")
    expected = soft_tokens(model, medium)
    model.fusion.bridges.center({"audio": shared})
    torch.testing.assert_close(soft_tokens(model, medium + shared), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [MacawBridgeSettings(heads=4), LinearBridgeSettings(norm=False), FrameStackBridgeSettings(norm=False)]
)
def test_other_designs_read_features_as_they_are(tiny, settings):
    model, (medium,) = tiny.model(settings), tiny.features("audio")
    expected = soft_tokens(model, medium)
    model.fusion.bridges.center({"audio": torch.full((12,), 5.0)})
    assert torch.equal(soft_tokens(model, medium), expected)


@pytest.mark.parametrize("settings", CENTERED, ids=lambda settings: settings.name)
def test_means_are_saved_and_loaded_and_a_folder_of_before_has_none(tiny, tokenizer, tmp_path, settings):
    model = tiny.model(settings, llm=tiny.llm_config(vocab_size=len(tokenizer)))
    model.fusion.bridges.center({name: torch.randn(shape[-1]) for name, shape in tiny.shapes.items()})
    save_model(model, MacawProcessor(tokenizer, model.config), tmp_path)
    loaded, _ = load_model(tmp_path)
    for name, buffer in model.named_buffers():
        assert torch.equal(loaded.get_buffer(name), buffer)

    weights = load_file(tmp_path / "model.safetensors")
    later = [name for name in weights if name.endswith(LATER_BUFFERS)]
    assert len(later) >= 3
    kept = {name: weight for name, weight in weights.items() if name not in later}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    loaded, _ = load_model(tmp_path)
    assert not any(loaded.get_buffer(name).any() for name in later)
