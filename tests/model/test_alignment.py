import pytest
import torch
from torch import nn

from macaw_cli.model.alignment import AttentionWeights, align, dropped, folded, folding_is_cheaper, shared

FORMS = [folded, shared, align]


def published_attention(width, heads, dtype=torch.float32):
    """torch's own module, with biases that are not zero."""
    torch.manual_seed(1)
    module = nn.MultiheadAttention(width, heads, add_bias_kv=True, add_zero_attn=True, dtype=dtype)
    for parameter in (module.in_proj_bias, module.bias_k, module.bias_v, module.out_proj.bias):
        nn.init.normal_(parameter)
    return module


def inputs(count, rows, width, dtype=torch.float32):
    generator = torch.Generator().manual_seed(2)
    queries, matrix = torch.randn(count, width, generator=generator), torch.randn(rows, width, generator=generator)
    return queries.to(dtype).requires_grad_(), matrix.to(dtype).requires_grad_()


def oracle(module, queries, matrix):
    """One batch entry per query row, as published: the matrix stands behind every example."""
    return module(queries[:, None], matrix[:, None], matrix[:, None], need_weights=False)[0][:, 0]


def ours(form, module, queries, matrix, **options):
    weights = AttentionWeights(module.in_proj_weight, module.in_proj_bias, module.bias_k, module.bias_v)
    return module.out_proj(form(queries, matrix, weights, module.num_heads, **options))


def relative(found, expected):
    return ((found - expected).norm() / expected.norm().clamp(min=1e-30)).item()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("count", "rows", "width", "heads"), [(10, 300, 32, 4), (1, 7, 8, 8), (40, 50, 16, 1)])
def test_every_form_equals_torchs_multihead_attention_in_values_and_all_gradients(form, count, rows, width, heads):
    module = published_attention(width, heads)
    queries, matrix = inputs(count, rows, width)
    parts = [queries, matrix, *module.parameters()]
    direction = torch.randn(count, width, generator=torch.Generator().manual_seed(3))
    expected = oracle(module, queries, matrix)
    found = ours(form, module, queries, matrix)
    assert relative(found, expected) < 1e-5
    wanted = torch.autograd.grad(expected, parts, direction)
    for gradient, want in zip(torch.autograd.grad(found, parts, direction), wanted, strict=True):
        assert relative(gradient, want) < 1e-5


@pytest.mark.parametrize("form", [folded, shared])
def test_a_unit_divides_the_matrix(form):
    module = published_attention(16, 4)
    queries, matrix = inputs(5, 40, 16)
    expected = oracle(module, queries, matrix / 0.02)
    assert relative(ours(form, module, queries, matrix, unit=torch.tensor(0.02)), expected) < 1e-5


@pytest.mark.parametrize("form", [folded, shared])
def test_in_bfloat16_the_softmax_stays_exact(form):
    """bf16 has 8 bits: one rounding is 4e-3. A softmax in bf16 over 4,000 keys would be off by far more."""
    module = published_attention(32, 4)
    queries, matrix = inputs(6, 4000, 32)
    expected = oracle(module, queries, matrix)
    half = published_attention(32, 4).bfloat16()
    found = ours(form, half, queries.bfloat16(), matrix.bfloat16())
    assert found.dtype == torch.bfloat16
    assert relative(found.float(), expected) < 0.02


@pytest.mark.parametrize("form", [folded, shared])
def test_dropout_keeps_the_mean_and_changes_the_values(form):
    module = published_attention(16, 4)
    queries, matrix = inputs(4, 60, 16)
    torch.manual_seed(0)
    with torch.no_grad():
        exact = ours(form, module, queries, matrix)
        drawn = torch.stack([ours(form, module, queries, matrix, dropout=0.1) for _ in range(600)])
    assert not torch.allclose(drawn[0], exact, atol=1e-3)
    assert relative(drawn.mean(0), exact) < 0.03


@pytest.mark.parametrize("count", [1, 3, 100_003])
def test_as_many_weights_are_dropped_as_wanted_and_the_rest_makes_up_for_them(count):
    torch.manual_seed(0)
    share = torch.rand(count, requires_grad=True)
    left = dropped(share, 0.3)
    kept = left != 0
    assert left.shape == share.shape
    assert torch.allclose(left[kept], share[kept] / 0.7, rtol=1e-4)
    assert count < 10 or abs(kept.float().mean() - 0.7) < 0.005
    left.sum().backward()
    assert torch.allclose(share.grad, kept / 0.7, rtol=1e-4)


def test_without_dropout_weights_are_left_alone():
    share = torch.rand(5)
    assert torch.equal(dropped(share, 0.0), share)


def test_few_queries_are_folded_and_many_share_the_projected_matrix():
    assert folding_is_cheaper(queries=10, rows=32007, hidden_size=4096, heads=16)
    assert folding_is_cheaper(queries=200, rows=32007, hidden_size=4096, heads=16)
    assert not folding_is_cheaper(queries=1600, rows=32007, hidden_size=4096, heads=16)
