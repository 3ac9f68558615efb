import pytest
import torch
import torch.nn.functional as F
from torch import nn

from macaw_cli.model.packing import chunked_loss
from macaw_cli.model.packing.chunked_loss import SupervisedLoss, chunk_positions


def problem(positions=37, width=16, vocabulary=50, *, bias=False, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    head = nn.Linear(width, vocabulary, bias=bias)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    hidden = torch.randn(positions, width, generator=generator).to(dtype).requires_grad_()
    return hidden, head.to(dtype), torch.randint(vocabulary, (positions,), generator=generator)


def plain(hidden, head, targets):
    return F.cross_entropy(head(hidden).float(), targets, reduction="sum")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunked_loss, "CHUNK_NUMBERS", {"cpu": 500})
    monkeypatch.setattr(chunked_loss, "FEWEST_POSITIONS", 3)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("positions", [1, 10, 37])
def test_loss_and_gradients_are_those_of_whole_logits(bias, positions):
    hidden, head, targets = problem(positions, bias=bias)
    parts = [hidden, *head.parameters()]
    expected, found = plain(hidden, head, targets), SupervisedLoss()(hidden, head, targets)
    assert torch.allclose(found, expected, rtol=1e-6)
    wanted = torch.autograd.grad(expected / 7, parts)
    for gradient, want in zip(torch.autograd.grad(found / 7, parts), wanted, strict=True):
        assert (gradient - want).abs().max() <= 1e-6 * max(1.0, want.abs().max())


def test_gradients_are_right_to_the_last_digit_of_fp64():
    hidden, head, targets = problem(10, dtype=torch.float64)
    found = SupervisedLoss()(hidden, head, targets)
    expected = F.cross_entropy(head(hidden), targets, reduction="sum")
    for one, other in zip(torch.autograd.grad(found, hidden), torch.autograd.grad(expected, hidden), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_in_bfloat16_sums_are_in_fp32_and_gradients_about_as_near_as_those_of_whole_logits():
    hidden, head, targets = problem(300)
    weight = torch.autograd.grad(plain(hidden, head, targets), head.weight)[0]
    hidden, head, targets = problem(300, dtype=torch.bfloat16)
    found = SupervisedLoss()(hidden, head, targets)
    assert found.dtype == torch.float32
    assert torch.allclose(found, plain(hidden, head, targets), rtol=1e-6)
    ours = torch.autograd.grad(found, head.weight)[0]
    whole = torch.autograd.grad(plain(hidden, head, targets), head.weight)[0]
    assert ours.dtype == torch.bfloat16
    assert (ours - weight).norm() <= 1.5 * (whole - weight).norm()


def test_without_supervised_positions_the_loss_is_zero_and_every_gradient_is_there():
    hidden, head, targets = problem(0)
    loss = SupervisedLoss()(hidden, head, targets)
    loss.backward()
    assert loss.item() == 0
    assert hidden.grad.shape == (0, 16)
    assert not head.weight.grad.any()


def test_a_frozen_head_costs_no_gradient_of_its_size(monkeypatch):
    hidden, head, targets = problem()
    head.requires_grad_(False)
    made = []
    real = torch.zeros_like
    monkeypatch.setattr(torch, "zeros_like", lambda like, **options: made.append(like.shape) or real(like, **options))
    SupervisedLoss()(hidden, head, targets).backward()
    assert made == [hidden.shape]
    assert hidden.grad.abs().sum() > 0


def test_where_nothing_learns_no_gradient_is_made(monkeypatch):
    hidden, head, targets = problem()
    monkeypatch.setattr(torch, "zeros_like", lambda *_, **__: pytest.fail("a gradient was made"))
    with torch.no_grad():
        assert torch.allclose(SupervisedLoss()(hidden, head, targets), plain(hidden, head, targets))


def test_no_more_logits_than_one_chunks_exist_at_once(monkeypatch):
    hidden, head, targets = problem()
    rows = []
    real = F.linear
    monkeypatch.setattr(F, "linear", lambda part, *rest: rows.append(len(part)) or real(part, *rest))
    SupervisedLoss()(hidden, head, targets)
    assert rows == [10, 10, 10, 7]


def test_chunks_get_shorter_with_the_vocabulary_but_never_thin(monkeypatch):
    monkeypatch.undo()
    assert [chunk_positions(size) for size in (60, 32_007, 128_256, 256_000)] == [279_620, 524, 256, 256]
    assert [chunk_positions(size, "cuda") for size in (32_007, 128_256)] == [2096, 523]
