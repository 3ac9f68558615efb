"""`gated-cross-attention`: equal to the published block, and what every injection has to be."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.injections.bound_media import bound_media
from macaw_cli.model.injections.gated_cross_attention import GatedCrossAttentionBlock
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.packing.row_layout import Run

SETTINGS = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
VECTORS = GOLDEN / "flamingo_gated_cross_attention.safetensors"
PUBLISHED = {
    "attn.norm": "norm", "attn.to_q": "to_q", "attn.to_kv": "to_kv", "attn.to_out": "to_out",
    "ff.0": "feed_forward.0", "ff.1": "feed_forward.1", "ff.3": "feed_forward.3",
    "attn_gate": "gates.attention", "ff_gate": "gates.feed_forward",
}  # fmt: skip


@pytest.fixture
def model(tiny):
    """With open gates, so that it would show if a position saw what it must not see."""
    made = tiny.model("linear", injection=SETTINGS)
    with torch.no_grad():
        for block in made.injection.blocks:
            block.gates.attention.fill_(0.7)
            block.gates.feed_forward.fill_(-0.4)
    return made


def logits(model, ids, images=(), **more):
    with torch.no_grad():
        return model(input_ids=torch.tensor(ids), image_features=list(images), **more)


@pytest.mark.skipif(not VECTORS.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_a_block_computes_what_openflamingos_does():
    vectors = load_file(VECTORS)
    with safe_open(VECTORS, "pt") as file:
        sizes = json.loads(file.metadata()["config"])
    block = GatedCrossAttentionBlock(
        sizes["dim"], sizes["dim_visual"], heads=sizes["heads"], head_dim=sizes["dim_head"], expansion=4
    )
    weights = {name.removeprefix("param."): value for name, value in vectors.items() if name.startswith("param.")}
    renamed = {}
    for name, value in weights.items():
        theirs = max((known for known in PUBLISHED if name.startswith(known)), key=len)
        renamed[PUBLISHED[theirs] + name.removeprefix(theirs)] = value
    block.load_state_dict(renamed)
    rows, count, tokens, width = vectors["in.media"].shape
    length = vectors["in.text"].shape[1]
    places = vectors["in.media_locations"].flatten().nonzero().flatten().tolist()
    media = bound_media(
        {"image": vectors["in.media"].view(-1, width)}, {"image": [tokens] * (rows * count)},
        {"image": [Run(place, 1) for place in places]}, None, (rows, length),
    )  # fmt: skip
    visible = media.latest(rows, length, 0)[:, :, None] == media.medium
    with torch.no_grad():
        found = block(vectors["in.text"], media.tokens, visible)
    assert (found - vectors["out.text"]).abs().max() / vectors["out.text"].abs().max() < 1e-5


def test_at_initialisation_the_llms_logits_are_unchanged_to_the_bit(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6)])
    with torch.no_grad():
        fused = model.fuse_inputs(ids, image_features=tiny.features("image"))
        alone = model.language_model(inputs_embeds=fused.inputs_embeds).logits
        assert torch.equal(model(input_ids=ids, image_features=tiny.features("image")).logits, alone)


def test_a_medium_takes_one_position_and_is_seen_after_it_alone(tiny, model):
    ids = [tiny.sequence(model.config, 1, 5, "image", 6, 7)]
    assert len(ids[0]) == 7
    one, other = (logits(model, ids, tiny.features("image", seed=seed)).logits[0] for seed in (1, 2))
    differs = [not torch.equal(*pair) for pair in zip(one, other, strict=True)]
    assert differs == [False, False, False, True, True, True, True]


def test_packed_examples_see_their_own_media_only(tiny, model):
    images = tiny.features("image", 3)
    first = tiny.sequence(model.config, 1, "image", 5, "image", 6)
    second, third = [1, 8, 9], tiny.sequence(model.config, 2, 7, "image", 8)
    parts = [(first, images[:2]), (second, []), (third, images[2:])]
    alone = [logits(model, [ids], media).logits[0] for ids, media in parts]
    positions = torch.tensor([[place for ids, _ in parts for place in range(len(ids))]])
    packed = logits(model, [first + second + third], images, position_ids=positions).logits[0]
    assert torch.allclose(packed, torch.cat(alone), atol=1e-5)


def test_cached_decoding_is_the_full_forward(tiny, model):
    images = tiny.features("image", 2)
    prompt, more = tiny.sequence(model.config, 1, "image", 5), [9, *tiny.sequence(model.config, 4, "image", 6)]
    whole = logits(model, [[*prompt, 7, 8, *more]], images).logits[0]
    output = logits(model, [prompt], images[:1], use_cache=True)
    found = [output.logits[0]]
    for token in (7, 8):
        output = logits(model, [[token]], past_key_values=output.past_key_values)
        found.append(output.logits[0])
    output = logits(model, [more], images[1:], past_key_values=output.past_key_values)
    assert torch.allclose(torch.cat([*found, output.logits[0]]), whole, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 2])
def test_generation_is_the_argmax_of_full_forwards(tiny, model, beams):
    images = tiny.features("image", 2)
    rows = [tiny.sequence(model.config, 1, "image", token) for token in (5, 6)]
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None, "num_beams": beams}
    together = model.generate(torch.tensor(rows), image_features=images, **options)
    for row, image, found in zip(rows, images, together.tolist(), strict=True):
        alone = model.generate(torch.tensor([row]), image_features=[image], **options)
        assert found == alone[0].tolist()
    if beams == 1:
        ids = list(rows[1])
        for _ in range(4):
            ids.append(int(logits(model, [ids], images[1:]).logits[0, -1].argmax()))
        assert together[1].tolist() == ids


def test_every_parameter_gets_a_gradient_also_without_media_and_with_recomputation(tiny, model):
    ids = [[1, 5, 6, 7], tiny.sequence(model.config, 1, "image", 6, 7)]
    gradients = {}
    for recompute in (False, True):
        model.train()
        if recompute:
            model.activation_checkpointing_enable({"use_reentrant": False})
        for row, images in zip(ids, ([], tiny.features("image")), strict=True):
            model.zero_grad()
            inputs = torch.tensor([row])
            labels = inputs.where(inputs < model.config.vocabulary_size, -100)
            model(input_ids=inputs, labels=labels, image_features=images, return_logits=False).loss.backward()
            own = [parameter.grad for parameter in (*model.injection.parameters(), *model.fusion.bridges.parameters())]
            assert all(gradient is not None for gradient in own)
            gradients.setdefault(len(images), []).append(own)
        assert any(gradient.abs().sum() > 0 for gradient in gradients[1][-1])
    for plain, recomputed in gradients.values():
        assert all(torch.allclose(*pair, atol=1e-6) for pair in zip(plain, recomputed, strict=True))


@pytest.mark.parametrize("recomputed", [False, True])
def test_the_memory_that_is_planned_is_about_what_a_pass_keeps(tiny, recomputed):
    """Counted are the bytes that autograd saves with the injection, less those without it."""
    sizes = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=4)
    kept = {}
    for settings in (None, GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)):
        model = tiny.model("linear", llm=tiny.llm_config(**sizes), injection=settings).train()
        if recomputed:
            model.activation_checkpointing_enable({"use_reentrant": False})
        ids = torch.tensor([[*tiny.sequence(model.config, "image"), *[7] * 200]])
        embeds = model.get_input_embeddings()(ids.clamp(max=59)).detach().requires_grad_()
        weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
        media = None
        if settings:
            media = model.fuse_inputs(ids, image_features=tiny.features("image")).media
        storages = {}

        def pack(tensor, storages=storages, weights=weights):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = model(inputs_embeds=embeds, bound_media=media, use_cache=False)
        del output
        kept[settings is None] = sum(storages.values())
    config = model.config
    soft = config.feature_shapes["image"][0]
    whole, planned = (
        model.injection.extra_memory(config, ids.shape[1], soft, 4, recomputed=again) for again in (False, recomputed)
    )
    planned -= whole / 4 if recomputed else 0  # the one of the four blocks that is whole again in the backward pass
    assert planned / 1.6 < kept[False] - kept[True] < 1.6 * planned


def test_it_is_saved_and_loaded_with_the_model(tiny, model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = [tiny.sequence(model.config, 1, "image", 5)]
    expected = logits(model, ids, tiny.features("image")).logits
    assert torch.equal(logits(loaded, ids, tiny.features("image")).logits, expected)
    assert len(model.trainable_groups()["injection"]) == 2 * 11


def test_media_that_are_gone_are_not_seen_by_the_next_call(tiny, model):
    text = [[1, 5, 6]]
    before = logits(model, text).logits
    logits(model, [tiny.sequence(model.config, 1, "image", 5)], tiny.features("image"))
    assert torch.equal(logits(model, text).logits, before)
    assert not model.injection.is_bound


def test_media_of_a_training_step_are_not_seen_by_the_llm_alone(tiny, model):
    ids = torch.tensor([[1, 5, 6]])
    embeds = model.get_input_embeddings()(ids)
    with torch.no_grad():
        before = model.language_model(inputs_embeds=embeds).logits
    inputs = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6)])
    labels = inputs.where(inputs < model.config.vocabulary_size, -100)
    model(input_ids=inputs, labels=labels, image_features=tiny.features("image"), return_logits=False).loss.backward()
    with torch.no_grad():
        assert torch.equal(model.language_model(inputs_embeds=embeds).logits, before)
    assert not model.injection.is_bound


def test_a_model_that_reads_null_features_has_no_injection(tiny):
    with pytest.raises(MismatchError, match="injection"):
        tiny.config("linear", injection=SETTINGS, null_features=True)


def test_an_llm_whose_layers_cannot_be_told_is_refused(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    with pytest.raises(MismatchError, match="2"):
        model.injection.attach(torch.nn.Linear(2, 2))


def test_any_bridge_may_make_the_soft_tokens(tiny):
    for bridge in ("macaw", "mlp", "frame-stack"):
        model = tiny.model(design(bridge, **({"heads": 4} if bridge == "macaw" else {})), injection=SETTINGS)
        ids = [tiny.sequence(model.config, 1, "image", 5)]
        assert logits(model, ids, tiny.features("image")).logits.isfinite().all()
