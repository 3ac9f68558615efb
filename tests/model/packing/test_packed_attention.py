from itertools import accumulate, chain

import pytest
import torch
import torch.nn.functional as F
from tiny_llms import LLMS

from macaw_cli.basics.errors import MissingDependencyError, UsageError
from macaw_cli.model.packing import attention_kernels, packed_attention
from macaw_cli.model.packing.attention_kernels import Heads, PackedSequence, block_mask, by_example
from macaw_cli.model.packing.example_borders import example_borders
from macaw_cli.model.packing.packed_attention import KERNELS, PREFIX, block_diagonal_mask, use_attention

EXAMPLES = [(1, "image", 5, 6, 7, 8, 9), (1, 8, 9, 4), (2, 3), (1, "image", "audio", 10, 11, 12, 13)]
OWN_WAY = {"gemma2"}  # capped scores: neither SDPA nor our kernels


def examples_of(tiny, config):
    """Inputs of each example alone."""
    images, audio = tiny.features("image", 2), tiny.features("audio")
    media = [{"image_features": images[:1]}, {}, {}, {"image_features": images[1:], "audio_features": audio}]
    inputs = []
    for pieces, features in zip(EXAMPLES, media, strict=True):
        ids = torch.tensor([tiny.sequence(config, *pieces)])
        labels = ids.clone()
        labels[:, :-2], labels[:, 0] = -100, -100  # nothing predicts a first token
        inputs.append({"input_ids": ids, "labels": labels, **features})
    return inputs


def packed(inputs):
    """All examples in one row."""
    joined = {name: torch.cat([one[name] for one in inputs], dim=1) for name in ("input_ids", "labels")}
    for name in ("image_features", "audio_features"):
        joined[name] = [*chain(*(one.get(name, []) for one in inputs))]
    positions = [torch.arange(one["input_ids"].shape[1])[None] for one in inputs]
    return {**joined, "position_ids": torch.cat(positions, dim=1)}


def gradients(model):
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def require_isolated(model, inputs, tolerance=1e-5):
    """Logits, loss and gradients of the pack are those of the examples alone."""
    supervised = sum(int((one["labels"] != -100).sum()) for one in inputs)
    alone = [model(**one, num_supervised=supervised) for one in inputs]
    sum(one.loss for one in alone).backward()
    wanted = gradients(model)
    together = packed(inputs)
    whole = model(**together)
    logits = torch.cat([one.logits for one in alone], dim=1)
    assert torch.allclose(whole.logits, logits, rtol=tolerance, atol=tolerance)
    for return_logits in (True, False):
        loss = model(**together, return_logits=return_logits).loss
        assert torch.allclose(loss, sum(one.loss for one in alone), rtol=1e-5)
        loss.backward()
        found = gradients(model)
        assert found.keys() == wanted.keys()
        for name, gradient in found.items():
            assert torch.allclose(gradient, wanted[name], rtol=tolerance, atol=tolerance), name


@pytest.mark.parametrize("attention", ["auto", "sdpa", "as built"])
@pytest.mark.parametrize("name", sorted(LLMS))
def test_logits_and_gradients_of_a_packed_sequenceed_example_are_those_of_the_example_alone(tiny, name, attention):
    model = tiny.model("linear", llm=LLMS[name])
    if attention != "as built":
        use_attention(model, attention)
        ours = model.language_model.config._attn_implementation == KERNELS[attention][0]
        assert ours == (name not in OWN_WAY)
    require_isolated(model, examples_of(tiny, model.config))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
@pytest.mark.parametrize("attention", ["auto", "as built"])
def test_examples_stay_apart_when_layers_are_computed_again_and_only_an_adapter_learns(tiny, attention):
    peft = pytest.importorskip("peft")
    model = tiny.model("linear")
    if attention != "as built":
        use_attention(model, attention)
    settings = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model.language_model = peft.get_peft_model(model.language_model, settings)
    model.activation_checkpointing_enable({"use_reentrant": False})
    require_isolated(model.train(), examples_of(tiny, model.config))


def test_our_kernel_pads_and_generates_as_sdpa_does(tiny):
    model = tiny.model()
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6), tiny.sequence(model.config, 1, "image", 5, 6)])
    ids = torch.cat([torch.zeros(2, 2, dtype=torch.long), ids], dim=1)
    mask = (ids != 0).long()
    images = tiny.features("image", 2)
    made = []
    for attention in (None, "auto"):
        if attention:
            use_attention(model, attention)
        made.append(model(input_ids=ids, attention_mask=mask, image_features=images).logits)
        options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
        made.append(model.generate(input_ids=ids, attention_mask=mask, image_features=images, **options))
    assert torch.equal(made[0], made[2])
    assert torch.equal(made[1], made[3])


def test_several_rows_of_several_examples_stay_apart(tiny):
    model = tiny.model("linear")
    use_attention(model, "auto")
    rows = [[(1, 5, 6), (1, 7, 8, 9)], [(1, 4), (2, 3, 10), (1, 11)]]
    ids = torch.tensor([[*chain(*row)] + [12] * (7 - len([*chain(*row)])) for row in rows])
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3], [0, 1, 0, 1, 2, 0, 1]])
    together = model(input_ids=ids, position_ids=positions).logits
    alone = [model(input_ids=torch.tensor([one])).logits[0] for one in chain(*rows)]
    assert torch.allclose(together.flatten(0, 1), torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_the_kernel_is_not_saved_with_the_model(tiny, tmp_path):
    model = tiny.model()
    use_attention(model, "auto")
    model.save_pretrained(tmp_path)
    assert PREFIX not in (tmp_path / "config.json").read_text()


def test_borders_are_where_positions_do_not_go_on():
    positions = torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5]])
    assert example_borders(positions).tolist() == [0, 3, 5, 6, 12]
    assert example_borders(positions[1:]) is None
    assert example_borders(positions[1:].expand(3, -1)) is None


def test_the_mask_over_all_pairs_is_one_triangle_per_example(tiny):
    mask = block_diagonal_mask(torch.tensor([[0, 1, 0, 1]]), tiny.model().language_model.config)
    assert mask[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize("window", [None, 1, 3, 100])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_one_kernel_call_per_example_equals_one_mask_over_all(window, groups):
    lengths, generator = [5, 1, 9, 2], torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 17, 8, generator=generator)
    key, value = (torch.randn(1, groups, 17, 8, generator=generator) for _ in range(2))
    borders = (0, *accumulate(lengths))
    found = by_example(torch.nn.Identity(), Heads(query, key, value), PackedSequence(borders, window, 0.3, 0.0))
    example = torch.repeat_interleave(torch.arange(4), torch.tensor(lengths))
    places = torch.arange(17)
    mask = (example[:, None] == example) & (places[:, None] >= places)
    mask &= places[:, None] - places < (window or 100)
    repeated = [one.repeat_interleave(4 // groups, dim=1) for one in (key, value)]
    expected = F.scaled_dot_product_attention(query, *repeated, attn_mask=mask, scale=0.3).transpose(1, 2)
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("window", [None, 3])
def test_the_block_mask_of_flex_attention_shows_the_same_pairs(window):
    mask = block_mask((0, 5, 6, 15, 17), window, torch.device("cpu"))
    places = torch.arange(17)
    query, key = torch.meshgrid(places, places, indexing="ij")
    example = torch.repeat_interleave(torch.arange(4), torch.tensor([5, 1, 9, 2]))
    expected = (example[query] == example[key]) & (query >= key) & (query - key < (window or 100))
    assert torch.equal(mask.mask_mod(None, None, query, key), expected)


@pytest.mark.parametrize("name", ["flash", "flex"])
def test_a_kernel_for_gpus_is_refused_without_one(tiny, name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=rf"training.attention={name}"):
        use_attention(tiny.model(), name)


@pytest.mark.parametrize("name", ["flash", "flex"])
def test_a_kernel_for_gpus_is_refused_on_a_cpu_beside_one(tiny, name, monkeypatch):
    model = tiny.model("linear")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(packed_attention, "flash_is_installed", lambda: True)
    use_attention(model, name)
    with pytest.raises(UsageError, match=rf"training.attention={name}"):
        model(**packed(examples_of(tiny, model.config)))


def test_flash_without_its_package_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(packed_attention, "flash_is_installed", lambda: False)
    with pytest.raises(MissingDependencyError, match="pip install flash-attn"):
        use_attention(tiny.model(), "flash")


KERNELS_OF_FLASH = [packed_attention.varlen, packed_attention.fastest]


@pytest.mark.parametrize("kernel", KERNELS_OF_FLASH, ids=lambda kernel: kernel.__name__)
def test_values_may_be_less_deep_than_queries(kernel):
    query, key, value = (torch.randn(1, 2, 9, depth) for depth in (12, 12, 8))
    found = kernel(torch.nn.Identity(), Heads(query, key, value), PackedSequence((0, 4, 9), None, None, 0.0))
    alone = F.scaled_dot_product_attention(query[:, :, 4:], key[:, :, 4:], value[:, :, 4:], is_causal=True)
    assert torch.allclose(found[:, 4:], alone.transpose(1, 2), atol=1e-6)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("newer", [False, True])
def test_torchs_packed_kernel_is_used_with_and_without_a_word_for_grouped_heads(monkeypatch, groups, newer):
    """The kernel needs a GPU; its place is taken by functions with the signatures of torch 2.11 and 2.12."""
    told = []

    def attend(query, key, value, borders, *, scale, window_size):
        heads = Heads(*(one.transpose(0, 1)[None] for one in (query, key, value)))
        assert window_size == (-1, 0)
        return by_example(torch.nn.Identity(), heads, PackedSequence(tuple(borders.tolist()), None, scale, 0.0))[0]

    def of_2_11(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale=None, window_size=(-1, -1)):
        told.append(None)
        return attend(query, key, value, cu_seq_q, scale=scale, window_size=window_size)

    def of_2_12(
        query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale=None, window_size=(-1, -1), enable_gqa=False
    ):
        told.append(enable_gqa)
        return attend(query, key, value, cu_seq_q, scale=scale, window_size=window_size)

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", of_2_12 if newer else of_2_11)
    there = attention_kernels._varlen_is_there.__wrapped__  # not what was found before
    monkeypatch.setattr(attention_kernels, "_varlen_fits", lambda _heads, _pack: there())
    heads = Heads(*(torch.randn(1, count, 9, 8) for count in (4, groups, groups)))
    packed = PackedSequence((0, 4, 9), None, None, 0.0)
    found = packed_attention.varlen(torch.nn.Identity(), heads, packed)
    assert torch.equal(found, by_example(torch.nn.Identity(), heads, packed))
    assert told == [groups != 4 if newer else None]
