"""Places that are found on the CPU: the same as the model finds itself, and enough for a pass that asks nothing."""

import pytest
import torch

from macaw_cli.model.losses import supervised_places
from macaw_cli.model.packing.example_borders import example_borders
from macaw_cli.model.packing.packed_attention import use_attention
from macaw_cli.model.packing.row_layout import media_places, row_layout

PIECES = (1, "image", 5, 6, "video", 7, 8, 1, "audio", 9, 10, 11)
AGAIN = 7
"""The piece with which the second example begins."""


def inputs_of(tiny, config):
    """One packed row of two examples with a medium of each modality."""
    first, second = (tiny.sequence(config, *part) for part in (PIECES[:AGAIN], PIECES[AGAIN:]))
    ids = torch.tensor([[*first, *second]])
    positions = torch.tensor([[*range(len(first)), *range(len(second))]])
    labels = torch.full_like(ids, -100)
    labels[0, [len(first) - 1, -1]] = ids[0, [len(first) - 1, -1]]
    media = {f"{name}_features": tiny.features(name) for name in ("image", "video", "audio")}
    return {"input_ids": ids, "labels": labels, "position_ids": positions}, media


@pytest.mark.parametrize("bridge", ["macaw", "linear", "mlp"])
def test_losses_and_gradients_with_a_layout_are_those_without_to_the_bit(tiny, bridge):
    model = tiny.model(bridge)
    use_attention(model, "auto")
    tokens, media = inputs_of(tiny, model.config)
    layout = row_layout(**tokens, config=model.config)
    found = []
    for more in ({}, {"layout": layout}):
        model.zero_grad()
        loss = model(**tokens, **media, **more, return_logits=False).loss
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("bridge", ["macaw", "linear", "mlp"])
def test_with_a_layout_no_value_of_a_tensor_is_asked_for(tiny, bridge):
    """Tensors on the meta device have no values: whatever would wait for a GPU fails there."""
    model = tiny.model(bridge).to("meta")
    use_attention(model, "auto")
    tokens, media = inputs_of(tiny, model.config)
    layout = row_layout(**tokens, config=model.config).to(torch.device("meta"))
    there = {name: value.to("meta") for name, value in tokens.items()}
    media = {name: [one.to("meta") for one in some] for name, some in media.items()}
    loss = model(**there, **media, layout=layout, num_supervised=2, use_cache=False, return_logits=False).loss
    loss.backward()
    assert loss.shape == ()
    with pytest.raises((NotImplementedError, RuntimeError)):  # and without it they are
        model(**there, **media, num_supervised=2, use_cache=False, return_logits=False)


def test_a_layout_holds_what_the_model_would_look_for(tiny):
    config = tiny.model("linear").config
    tokens, _ = inputs_of(tiny, config)
    layout = row_layout(**tokens, config=config)
    assert torch.equal(layout.borders, example_borders(tokens["position_ids"]))
    for found, expected in zip(layout.supervised, supervised_places(tokens["labels"]), strict=True):
        assert torch.equal(found, expected)
    places = media_places(tokens["input_ids"], config)
    assert layout.media.runs == places.runs
    for found, expected in zip(layout.media[:2], places[:2], strict=True):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)
    assert all(len(places) for places in layout.media.soft.values())


def test_a_decode_step_asks_for_no_value_of_a_tensor(tiny):
    model = tiny.model("linear").to("meta")
    embeds = torch.zeros(1, 4, model.config.embedding_size, device="meta")
    first = model(inputs_embeds=embeds, use_cache=True)
    step = {"input_ids": torch.zeros(1, 1, dtype=torch.long, device="meta"), "use_cache": True}
    positions = torch.full((1, 1), 4, device="meta")
    assert model(**step, position_ids=positions, past_key_values=first.past_key_values).logits.shape[:2] == (1, 1)


@pytest.mark.parametrize("null_features", [False, True])
def test_decode_steps_give_the_logits_of_one_pass(tiny, null_features):
    options = {"variant": "paper", "null_features": True} if null_features else {}
    model = tiny.model("macaw", **options)
    for name in model.config.modalities if null_features else ():
        model.fusion.set_null_features(name, tiny.features(name)[0])
    ids = torch.tensor([[1, 5, 6, 7]])
    with torch.inference_mode():
        whole = model(input_ids=ids).logits[:, -2:]
        first = model(input_ids=ids[:, :2], use_cache=True)
        second = model(input_ids=ids[:, 2:3], use_cache=True, past_key_values=first.past_key_values)
        third = model(input_ids=ids[:, 3:], use_cache=True, past_key_values=second.past_key_values)
    assert torch.allclose(torch.cat([second.logits[:, -1:], third.logits[:, -1:]], dim=1), whole, atol=1e-5)


def test_places_of_null_features_are_looked_for_only_where_a_model_reads_them(tiny):
    config = tiny.model("linear").config
    ids = torch.tensor([[config.null_token_ids["image"], config.soft_token_ids["audio"]]])
    assert {name: len(places) for name, places in media_places(ids, config).null.items()} == {
        "image": 0, "audio": 0, "video": 0
    }  # fmt: skip
    config.null_features = True
    assert media_places(ids, config).null["image"].tolist() == [0]
