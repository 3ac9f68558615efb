"""`pixel-shuffle`: which neighbours a window holds, and that its layers are those of published models."""

import pytest
import torch
from transformers import Cohere2VisionConfig, Idefics3Config, InternVLConfig, Qwen3VLConfig
from transformers.models.cohere2_vision.modeling_cohere2_vision import Cohere2VisionMultiModalProjector
from transformers.models.idefics3.modeling_idefics3 import Idefics3Connector
from transformers.models.internvl.modeling_internvl import InternVLModel, InternVLMultiModalProjector
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchMerger

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.pixel_shuffle import PixelShuffleBridge
from macaw_cli.model.bridges.registry import soft_token_count

NOTHING = BridgeContext(torch.zeros(1, 1))
C, D, SIDE = 6, 10, 4


def internvl():
    config = InternVLConfig(downsample_ratio=0.5)
    config.vision_config.hidden_size, config.text_config.hidden_size = C, D
    model = InternVLMultiModalProjector(config)
    return model, lambda images: model(InternVLModel.pixel_shuffle(None, _grid(images)).flatten(1, 2))


def idefics3():
    config = Idefics3Config(scale_factor=2)
    config.vision_config.hidden_size, config.text_config.hidden_size = C, D
    model = Idefics3Connector(config)
    return model, model


def cohere2():
    config = Cohere2VisionConfig(downsample_factor=2, alignment_intermediate_size=12)
    config.vision_config.hidden_size, config.text_config.hidden_size = C, D
    model = Cohere2VisionMultiModalProjector(config)
    return model, lambda images: model(images).flatten(1, 2)


def qwen3():
    config = Qwen3VLConfig().vision_config
    config.hidden_size, config.out_hidden_size, config.spatial_merge_size = C, D, 2
    model = Qwen3VLVisionPatchMerger(config)
    return model, lambda images: model(_as_qwen_orders_patches(images)).view(len(images), -1, D)


def _grid(images):
    return images.view(len(images), SIDE, SIDE, C)


def _as_qwen_orders_patches(images):
    """Qwen's image processor puts the patches of a window one after another: (B, h/2, 2, w/2, 2) to (.., 2, 2)."""
    blocks = images.view(len(images), SIDE // 2, 2, SIDE // 2, 2, C)
    return blocks.transpose(2, 3).reshape(-1, C)


PUBLISHED = {
    "linear": (idefics3, {"weight": "modality_projection.proj.weight"}),
    "mlp": (internvl, {}),
    "merger": (qwen3, {}),
    "swiglu": (cohere2, {}),
}


@pytest.mark.parametrize("variant", PUBLISHED)
def test_published_projectors_compute_the_same(variant):
    torch.manual_seed(0)
    make, names = PUBLISHED[variant]
    published, compute = make()
    ours = PixelShuffleBridge(C, D, variant=variant, scale=2, hidden=6, square=True, norm=False)
    theirs = dict(published.named_parameters())
    pairs = {name: (own, theirs[names.get(name, name)]) for name, own in ours.projection.named_parameters()}
    assert len(pairs) == len(theirs) == len(list(ours.parameters()))
    for own, other in pairs.values():
        other.data.normal_()
        own.data.copy_(other)
    images = torch.randn(3, SIDE * SIDE, C)
    mine, their_images = images.clone().requires_grad_(), images.clone().requires_grad_()
    soft, expected = ours(list(mine), NOTHING), compute(their_images).flatten(0, 1)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-5)
    direction = torch.randn_like(soft)
    soft.backward(direction)
    expected.backward(direction)
    torch.testing.assert_close(mine.grad, their_images.grad, rtol=1e-5, atol=1e-5)
    for own, other in pairs.values():
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-5, atol=1e-4)


def test_a_grid_that_the_scale_does_not_divide_is_filled_up_with_zeros_at_the_right_and_below():
    bridge = PixelShuffleBridge(1, 4, variant="linear", scale=2, hidden=2, square=True, norm=False)
    bridge.projection.weight.data = torch.eye(4)
    soft = bridge([torch.arange(1.0, 10.0)[:, None]], NOTHING)
    assert soft.tolist() == [[1, 2, 4, 5], [3, 0, 6, 0], [7, 8, 0, 0], [9, 0, 0, 0]]


def test_of_audio_a_window_is_as_many_consecutive_tokens():
    bridge = PixelShuffleBridge(1, 4, variant="linear", scale=2, hidden=2, square=False, norm=False)
    bridge.projection.weight.data = torch.eye(4)
    assert bridge([torch.arange(1.0, 7.0)[:, None]], NOTHING).tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]]


def test_frames_of_a_video_keep_to_themselves():
    bridge = PixelShuffleBridge(C, D, variant="mlp", scale=2, hidden=2, square=True, norm=True)
    video = torch.randn(3, 9, C)
    torch.testing.assert_close(bridge([video], NOTHING), bridge(list(video), NOTHING))


@pytest.mark.parametrize("tokens", [197, 10, 2])
def test_tokens_that_make_no_square_are_told_before_training(tiny, tokens):
    config = tiny.config("pixel-shuffle", shapes={"image": (196, 16), "audio": (30, 12)})
    assert soft_token_count(config, "image", (196, 16)) == 49
    assert soft_token_count(config, "audio", (197, 12)) == 50
    with pytest.raises(UsageError, match=r"cls: drop") as told:
        soft_token_count(config, "image", (tokens, 16))
    assert str((tokens, 16)) in str(told.value)
