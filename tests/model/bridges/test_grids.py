"""What all designs on grids have in common: grids of several sizes in one batch, and training."""

import pytest
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.bridges.table import BUILT_IN
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.grid import GridBridge
from macaw_cli.model.bridges.registry import bridge_class, build_bridge, soft_token_count

NAMES = sorted(row.name for row in BUILT_IN if issubclass(bridge_class(row.name), GridBridge))


@pytest.mark.parametrize(
    ("name", "image", "video"),
    [
        ("attention-pool", 4, 12), ("avg-pool", 4, 12), ("c-abstractor", 9, 27), ("ldp", 9, 27),
        ("pixel-shuffle", 4, 12), ("token-packer", 4, 12), ("visual-vocabulary", 4, 12),
    ],
)
def test_token_counts_follow_from_grids_alone(tiny, name, image, video):
    config = tiny.config(name, shapes=tiny.shapes_of(name))
    assert soft_token_count(config, "image", (9, 16)) == image
    assert soft_token_count(config, "video", (3, 9, 16)) == video


@pytest.mark.parametrize("name", NAMES)
def test_tokens_of_several_layers_are_no_grid_though_their_number_is_a_square(tiny, name):
    config = tiny.config(name, shapes={"image": (16, 16)})
    config.fingerprints = {"image": {"layer": [1, 2, 3, -1]}}
    with pytest.raises(UsageError, match="4 layers"):
        build_bridge(config, "image")
    config.fingerprints = {"image": {"layer": -2}}
    assert build_bridge(config, "image")


@pytest.mark.parametrize(("modality", "lengths"), [("image", [4, 9, 1, 25, 9, 16]), ("audio", [2, 10, 13, 40, 1])])
@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in NAMES), ("ldp", {"variant": "v1"}), ("avg-pool", {"variant": "perception-lm"})],
)
def test_grids_of_different_sizes_in_one_batch_change_nothing_for_each_other(tiny, name, options, modality, lengths):
    shapes = tiny.shapes_of(name)
    model = tiny.model(name, shapes=shapes, **options)
    bridge, context = model.fusion.bridges[modality], BridgeContext(model.embedding_matrix)
    media = [torch.randn(length, shapes[modality][-1]) for length in lengths]
    alone = [bridge([medium], context) for medium in media]
    assert [len(one) for one in alone] == [soft_token_count(model.config, modality, one.shape) for one in media]
    torch.testing.assert_close(bridge(media, context), torch.cat(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_a_bridge_on_grids_is_trained_also_in_half_precision(tiny, name, modality):
    shapes = tiny.shapes_of(name)
    model = tiny.model(name, shapes=shapes).train().bfloat16()
    bridge, (*more, tokens, channels) = model.fusion.bridges[modality], shapes[modality]
    media = [torch.randn(*more, count, channels, dtype=torch.bfloat16) for count in (tokens, 16)]
    soft = bridge(media, BridgeContext(model.embedding_matrix))
    assert soft.dtype == torch.bfloat16
    (soft * torch.randn_like(soft)).sum().backward()
    assert not [one for one, parameter in bridge.named_parameters() if not parameter.grad.abs().sum() > 0]
