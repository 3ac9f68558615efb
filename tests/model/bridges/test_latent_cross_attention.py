import pytest
import torch
from same_computation import require_same
from transformers import Kosmos2Config
from transformers.models.kosmos2.modeling_kosmos2 import Kosmos2ImageToTextProjection

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.latent_cross_attention import LatentCrossAttentionBridge
from macaw_cli.model.bridges.registry import build_bridge

NAMES = {
    "projection": "dense", "latents": "latent_query", "attention.query": "x_attn.q_proj",
    "attention.key": "x_attn.k_proj", "attention.value": "x_attn.v_proj", "attention.out": "x_attn.out_proj",
}  # fmt: skip


def as_kosmos(tensors):
    renamed = {}
    for name, value in tensors.items():
        own, dot, kind = (name, "", "") if name in NAMES else name.rpartition(".")
        renamed[f"{NAMES[own]}{dot}{kind}"] = value
    return renamed


def kosmos():
    config = Kosmos2Config(
        vision_config={"hidden_size": 12}, text_config={"embed_dim": 24, "attention_heads": 3}, latent_query_num=5
    )
    config.text_config._attn_implementation = "eager"
    return Kosmos2ImageToTextProjection(config).eval()


@pytest.mark.parametrize("shapes", [[(7, 12), (4, 12)], [(3, 7, 12), (3, 7, 12)]], ids=["lengths", "frames"])
def test_it_is_that_of_kosmos_2(shapes):
    bridge = LatentCrossAttentionBridge(12, 24, tokens=5, heads=3, per_frame=True, norm=False)
    media, original = [torch.randn(shape) for shape in shapes], kosmos()

    def run(*media):
        return torch.cat([original(medium.view(-1, *medium.shape[-2:]))[0].flatten(0, 1) for medium in media])

    require_same(bridge, original, media, as_kosmos, call_theirs=run)


def test_heads_that_do_not_divide_the_width_are_told(tiny):
    with pytest.raises(UsageError, match=r"bridge\.heads"):
        build_bridge(tiny.config("latent-cross-attention", heads=5), "image")


def test_there_are_as_many_heads_of_64_as_fit(tiny):
    heads = []
    for width in (32, 128, 192, 200):
        config = tiny.config("latent-cross-attention", llm=tiny.llm_config(hidden_size=width))
        heads.append(build_bridge(config, "image").attention.heads)
    assert heads == [1, 2, 3, 2]
