from typing import get_args, get_type_hints

import pytest
import torch

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.bridges.designs import DESIGNS
from macaw_cli.model.bridges.protocol import BridgeContext
from macaw_cli.model.bridges.registry import BRIDGES, build_bridge, soft_token_count


def test_settings_and_registry_name_the_same_bridges():
    assert set(DESIGNS) == set(BRIDGES)
    for name, kind in DESIGNS.items():
        assert get_args(get_type_hints(kind)["name"]) == (name,) == (kind().name,)


@pytest.mark.parametrize("name", sorted(BRIDGES))
@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_every_bridge_makes_as_many_soft_tokens_as_its_shape_says(tiny, name, modality):
    model = tiny.model(name)
    bridge, context = model.bridges[modality], BridgeContext(model.embedding_matrix)
    count = soft_token_count(model.config, modality, tiny.shapes[modality])
    soft = bridge(tiny.features(modality, 2), context)
    assert soft.shape == (2 * count, 32)
    assert soft.dtype == torch.float32
    assert bridge(torch.zeros(1, *bridge.smallest_input()), context).shape[1] == 32


@pytest.mark.parametrize(("name", "image", "video"), [("macaw", 3, 30), ("linear", 10, 30), ("mlp", 10, 30)])
def test_token_counts_follow_from_shapes_alone(tiny, name, image, video):
    config = tiny.config(name)
    assert soft_token_count(config, "image", (10, 16)) == image
    assert soft_token_count(config, "video", (3, 10, 16)) == video


def test_the_published_sizes_are_the_default(tiny):
    shapes = {"image": (196, 512), "audio": (1500, 512), "video": (6, 196, 512)}
    config = tiny.config("macaw", shapes=shapes, image_tokens=None)
    assert [soft_token_count(config, name, shape) for name, shape in shapes.items()] == [5, 6, 39]


def test_a_modality_without_bridge_or_with_other_channels_is_told(tiny):
    config = tiny.config("linear", shapes={"image": (10, 16)})
    with pytest.raises(MismatchError, match="no audio bridge, only image"):
        soft_token_count(config, "audio", (30, 12))
    with pytest.raises(MismatchError, match="16 channels, found 20"):
        soft_token_count(config, "image", (10, 20))


@pytest.mark.parametrize("name", sorted(BRIDGES))
def test_media_of_other_lengths_make_as_many_soft_tokens_as_their_shapes_say(tiny, name):
    """Sounds of any length and pictures of any proportions: longer ones more; `macaw` at least one."""
    model = tiny.model(name)
    bridge, config, context = model.bridges["image"], model.config, BridgeContext(model.embedding_matrix)
    lengths = [2, 10, 13, 40, 1]
    media = [torch.randn(length, 16) for length in lengths]
    counts = [soft_token_count(config, "image", medium.shape) for medium in media]
    soft = bridge(media, context)
    assert len(soft) == sum(counts)
    assert counts == {"macaw": [1, 3, 4, 13, 1]}.get(name, lengths)
    alone = torch.cat([bridge([medium], context) for medium in media])
    torch.testing.assert_close(soft, alone, rtol=1e-5, atol=1e-6)


def test_features_without_tokens_are_told(tiny):
    with pytest.raises(UsageError, match=r"features of shape \(0, 16\)"):
        soft_token_count(tiny.config("macaw"), "image", (0, 16))


def test_an_mlp_has_the_wanted_number_of_layers(tiny):
    config = tiny.config("mlp", layers=3)
    shapes = [tuple(p.shape) for p in build_bridge(config, "image").parameters() if p.ndim == 2]
    assert shapes == [(32, 16), (32, 32), (32, 32)]
