"""`mllama-cross-attention`: equal to the layer of transformers, and which media it shows."""

from dataclasses import replace

import pytest
import torch
from every_injection import call, opened
from transformers.models.mllama.configuration_mllama import MllamaTextConfig
from transformers.models.mllama.modeling_mllama import MllamaCrossAttentionDecoderLayer

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.injections.mllama_cross_attention import MllamaCrossAttentionSettings
from macaw_cli.model.injections.mllama_cross_attention import MllamaCrossAttentionLayer, MllamaSizes
from macaw_cli.model.injections.sight import Sight
from macaw_cli.model.modeling import MacawForConditionalGeneration

SIZES = MllamaSizes(hidden=32, channels=32, heads=4, kv_heads=2, head_dim=8, feed_forward=48, eps=1e-5)
SETTINGS = MllamaCrossAttentionSettings(first=0, every=1)


def visible_tokens():
    """(1, 6, 10): the first two positions see nothing, the next two the first medium of 4, the last two the second."""
    visible = torch.zeros(1, 6, 10, dtype=torch.bool)
    visible[0, 2:4, :4] = visible[0, 4:, 4:] = True
    return visible


@pytest.fixture
def original():
    """The layer of transformers with open gates."""
    torch.manual_seed(0)
    config = MllamaTextConfig(
        hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5,
        pad_token_id=0, attn_implementation="sdpa",
    )  # fmt: skip
    layer = MllamaCrossAttentionDecoderLayer(config, layer_idx=0)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return layer


def theirs(layer, hidden, media, visible):
    """What the layer computes with masks as `MllamaForConditionalGeneration` makes them."""
    rows = visible.any(dim=-1)[:, None, :, None].to(hidden.dtype)
    mask = torch.zeros(visible.shape).masked_fill(~visible, torch.finfo(hidden.dtype).min)[:, None] * rows
    return layer(hidden, media, mask, None, rows)


def test_a_layer_and_its_gradients_are_those_of_transformers(original):
    layer = MllamaCrossAttentionLayer(SIZES)
    layer.load_state_dict(original.state_dict())
    made = [torch.randn(1, 6, 32, requires_grad=True), torch.randn(1, 10, 32, requires_grad=True)]
    visible = visible_tokens()
    expected = theirs(original, *made, visible)[:, 2:]
    wanted = torch.autograd.grad(expected.square().sum(), [*made, *original.parameters()])
    found = layer(made[0], made[1][0], Sight(visible))[:, 2:]
    got = torch.autograd.grad(found.square().sum(), [*made, *layer.parameters()])
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in original.named_parameters()]
    for one, other in zip([found, *got], [expected, *wanted], strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_positions_that_see_no_media_are_left_as_they_are(original):
    layer = MllamaCrossAttentionLayer(SIZES)
    layer.load_state_dict(original.state_dict())
    hidden = torch.randn(1, 6, 32)
    changed = layer(hidden, torch.randn(10, 32), Sight(visible_tokens()))
    assert torch.equal(changed[:, :2], hidden[:, :2])


def test_media_directly_behind_one_another_are_seen_together_and_others_are_not(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", "image", 5, "image", 6)])
    media = model.fuse_inputs(ids, image_features=tiny.features("image", 3)).media
    sees = model.injection.sees(media, media.latest(*ids.shape, 0))[0]
    of_medium = [[bool(sees[place, number * 10]) for number in range(3)] for place in (0, 2, 5, 7, 9, 11)]
    none, first, both, third = [False] * 3, [True, False, False], [True, True, False], [False, False, True]
    assert of_medium == [none, first, both, both, third, third]


@pytest.mark.parametrize("split", [7, 6, 5], ids=["before", "inside the begin token", "behind the first medium"])
def test_media_that_meet_where_a_cache_ends_are_seen_together(tiny, split):
    model = opened(tiny.model("linear", injection=SETTINGS))
    ids, images = tiny.sequence(model.config, 1, 5, "image", "image", 6), tiny.features("image", 2)
    head, tail = ids[:split], ids[split:]
    soft = model.config.soft_token_ids["image"]
    known = head.count(soft)
    first = call(model, [head], images[:known], use_cache=True)
    second = call(model, [tail], images[known:], past_key_values=first.past_key_values)
    whole, apart = call(model, [ids], images).logits, call(model, [[*ids[:5], 7, *ids[5:]]], images).logits
    assert torch.allclose(torch.cat([first.logits, second.logits], dim=1), whole, atol=2e-5)
    assert not torch.allclose(whole[0, -1], apart[0, -1], atol=1e-3), "a word between them makes a difference"


def test_media_without_begin_and_end_tokens_are_seen_together_where_no_text_stands_between_them(tiny):
    config = tiny.config("linear", injection=SETTINGS, surrounding_ids={"image": [[], []]})
    model, soft = MacawForConditionalGeneration.build(config, None), config.soft_token_ids["image"]
    ids = torch.tensor([[1, soft, soft, 5, soft]])
    media = model.fuse_inputs(ids, image_features=tiny.features("image", 3)).media
    sees = model.injection.sees(media, media.latest(*ids.shape, 0))[0, -3:, ::10].tolist()
    assert sees == [[True, True, False], [True, True, False], [False, False, True]]


def test_sizes_that_are_not_set_are_the_llms(tiny):
    injection = tiny.model("linear", injection=MllamaCrossAttentionSettings()).injection
    assert len(injection.blocks) == 1, "an LLM of two layers is given one before its last layer"
    assert injection.first == 1
    layer = injection.blocks[0]
    assert (layer.cross_attn.q_proj.out_features, layer.cross_attn.k_proj.out_features) == (32, 16)
    assert layer.mlp.gate_proj.out_features == 48
    other = tiny.model("linear", injection=replace(SETTINGS, heads=6, head_dim=4, hidden=20)).injection.blocks[1]
    assert (other.cross_attn.q_proj.out_features, other.cross_attn.k_proj.out_features) == (24, 24)
    assert other.mlp.gate_proj.out_features == 20


def test_heads_that_cannot_share_keys_are_refused(tiny):
    with pytest.raises(UsageError, match=r"injection\.kv_heads"):
        tiny.model("linear", injection=replace(SETTINGS, kv_heads=3))
