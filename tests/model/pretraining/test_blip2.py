import pytest
import torch
from same_computation import require_close
from torch import nn
from transformers import BertConfig, Blip2Config
from transformers.models.bert.modeling_bert import BertLMPredictionHead
from transformers.models.blip_2.modeling_blip_2 import Blip2ForImageTextRetrieval

from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.model.blocks.q_former import QFormer
from macaw_cli.model.bridges.q_former import QFormerBridge
from macaw_cli.model.pretraining.blip2 import Blip2Pretraining, Pairs
from macaw_cli.model.pretraining.image_text import generation_mask, similarity

RENAMED = [
    ("q_former.norm.", "qformer.layernorm."), ("q_former.layers.", "qformer.encoder.layer."),
    ("self_attention.out", "attention.output.dense"), ("cross_attention.out", "crossattention.output.dense"),
    ("self_attention.", "attention.attention."), ("cross_attention.", "crossattention.attention."),
    ("self_norm", "attention.output.LayerNorm"), ("cross_norm", "crossattention.output.LayerNorm"),
    ("query_part.rise", "intermediate_query.dense"), ("query_part.fall", "output_query.dense"),
    ("query_norm", "output_query.LayerNorm"), ("text_part.rise", "intermediate.dense"),
    ("text_part.fall", "output.dense"), ("text_norm", "output.LayerNorm"),
    ("text.words.", "embeddings.word_embeddings."), ("text.positions.", "embeddings.position_embeddings."),
    ("media_projection", "vision_projection"), ("matching_head", "itm_head"),
]  # fmt: skip


def made(seed=0):
    sizes = dict(layers=3, heads=2, inner=24, every=2, dropout=0.0, text="returned")
    model = Blip2Pretraining(QFormer(16, 10, **sizes), 16, 10, tokens=4, vocabulary=30, compared=6, feature_norm=False)
    model.initialise()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name != "temperature":
            nn.init.normal_(parameter, std=0.3, generator=generator)
    return model.eval()


def original(model):
    """`Blip2ForImageTextRetrieval` with the same weights, whose vision tower returns what it is given."""
    config = Blip2Config(
        vision_config={"hidden_size": 10, "num_hidden_layers": 0, "num_attention_heads": 1, "image_size": 4,
                       "patch_size": 2, "intermediate_size": 4},
        qformer_config={"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
                        "encoder_hidden_size": 10, "cross_attention_frequency": 2, "vocab_size": 30,
                        "use_qformer_text_input": True},
        num_query_tokens=4, image_text_hidden_size=6, image_token_index=None,
    )  # fmt: skip
    config._attn_implementation = "eager"
    theirs = Blip2ForImageTextRetrieval(config).eval()
    state = {}
    for name, value in model.state_dict().items():
        for own, other in RENAMED:
            name = name.replace(own, other)
        state[name] = value
    state["query_tokens"] = state.pop("queries")[None]
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert all(name.startswith("vision_model.") for name in missing), missing
    assert {name.partition("_")[0] for name in unexpected} == {"word", "temperature"}
    theirs.vision_model.forward = lambda pixel_values, **options: (pixel_values,)
    return theirs


@pytest.fixture
def pairs():
    generator = torch.Generator().manual_seed(1)
    text_mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    ids = torch.tensor([[1, 5, 6, 7], [1, 8, 9, 0], [1, 10, 0, 0]])
    return Pairs(torch.randn(3, 7, 10, generator=generator), None, ids, text_mask)


def test_similarities_and_matching_scores_are_those_of_transformers(pairs):
    model = made()
    theirs, given = original(model), (pairs.features, pairs.ids, pairs.text_mask.long())
    require_close("contrastive", similarity(*model.compared(pairs)), theirs(*given).logits_per_image)
    expected = theirs(*given, use_image_text_matching_head=True).logits_per_image
    require_close("matching", model.matching_logits(pairs), expected)


def test_the_words_that_follow_are_those_of_transformers_under_the_same_mask(pairs):
    model = made()
    theirs = original(model)
    seen = generation_mask(4, pairs.text_mask)[:, None]
    embedded = theirs.embeddings(input_ids=pairs.ids, query_embeds=theirs.query_tokens.expand(3, -1, -1))
    hidden = theirs.qformer(
        query_embeds=embedded, query_length=4, encoder_hidden_states=pairs.features,
        attention_mask=torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min),
    ).last_hidden_state[:, 4:]  # fmt: skip
    head = BertLMPredictionHead(BertConfig(hidden_size=16, vocab_size=30))
    head.transform.dense.load_state_dict(model.word_layer.state_dict())
    head.transform.LayerNorm.load_state_dict(model.word_norm.state_dict())
    head.decoder.weight, head.bias, head.decoder.bias = model.text.words.weight, model.word_bias, model.word_bias
    require_close("words", model.word_logits(pairs), head(hidden))


def test_a_token_does_not_see_what_follows_it_and_a_query_sees_no_text(pairs):
    model = made()
    later = pairs._replace(ids=pairs.ids.index_fill(1, torch.tensor([3]), 20))
    require_close("before", model.word_logits(pairs)[:1, :3], model.word_logits(later)[:1, :3])


def test_all_three_losses_reach_all_weights_and_fall(pairs):
    model = made().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    totals = []
    for step in range(25):
        losses = model(pairs, 2, generator=torch.Generator().manual_seed(step))
        total = sum(losses)
        optimizer.zero_grad()
        total.backward()
        idle = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
        assert not [name for name in idle if "key.bias" not in name], idle
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.8 * totals[0]


def test_processes_compare_their_pairs_with_those_of_all(pairs):
    """Two processes of two pairs each: the mean of their contrastive losses is that of the four pairs together."""
    model = made()
    features = torch.cat([pairs.features, pairs.features[:1] + 1])
    ids, text_mask = torch.cat([pairs.ids, pairs.ids[:1] + 12]), torch.cat([pairs.text_mask, pairs.text_mask[:1]])
    four = Pairs(features, None, ids, text_mask)
    of_all = [*model.compared(four), features, ids, text_mask]
    parts = []
    for rank in range(2):
        own = Pairs(features[2 * rank :][:2], None, ids[2 * rank :][:2], text_mask[2 * rank :][:2])
        gather = lambda one: next(  # noqa: E731 - what an all-gather returns: known by its shape here
            whole for whole in of_all if whole.shape[1:] == one.shape[1:] and whole.dtype == one.dtype
        )
        parts.append(model(own, 2, gather=gather, rank=rank))
    whole = model(four, 2)
    require_close("contrastive", (parts[0].contrastive + parts[1].contrastive) / 2, whole.contrastive)


def test_the_bridge_takes_over_what_was_trained():
    model = made()
    settings = QFormerBridgeSettings(tokens=4, hidden=16, heads=2, layers=3, inner=24, norm=False, feature_norm=False)
    bridge = QFormerBridge(10, 12, settings)
    own = bridge.state_dict()
    taken = {name: value for name, value in model.state_dict().items() if name in own}
    assert set(own) - set(taken) == {"projection.weight", "projection.bias"}
    bridge.load_state_dict(taken, strict=False)
    assert torch.equal(bridge.queries, model.queries)
