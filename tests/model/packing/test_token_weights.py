"""Losses with a weight for each token: from whole logits and in chunks, and what is found out about each token."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from macaw_cli.model.packing import chunked_loss
from macaw_cli.model.packing.chunked_loss import SupervisedLoss
from macaw_cli.model.packing.token_weights import TokenWeights, weighted_sum


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunked_loss, "CHUNK_NUMBERS", {"cpu": 500})
    monkeypatch.setattr(chunked_loss, "FEWEST_POSITIONS", 3)


def problem(positions, *, bias=False):
    generator = torch.Generator().manual_seed(0)
    head = nn.Linear(16, 50, bias=bias)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    hidden = torch.randn(positions, 16, generator=generator).requires_grad_()
    weights = torch.rand(positions, generator=generator) * 3
    return hidden, head, torch.randint(50, (positions,), generator=generator), weights


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("positions", [0, 1, 37])
def test_in_chunks_loss_gradients_and_figures_are_those_of_whole_logits(positions, bias):
    hidden, head, targets, weights = problem(positions, bias=bias)
    parts, tokens = [hidden, *head.parameters()], TokenWeights(weights)
    logits = head(hidden)
    losses = F.cross_entropy(logits, targets, reduction="none")
    found = SupervisedLoss()(hidden, head, targets, tokens)
    assert torch.allclose(found, losses @ weights, rtol=1e-6)
    wanted = torch.autograd.grad(losses @ weights / 7, parts, retain_graph=True)
    for gradient, want in zip(torch.autograd.grad(found / 7, parts), wanted, strict=True):
        assert torch.allclose(gradient, want, atol=1e-6)
    assert torch.allclose(tokens.losses, losses, rtol=1e-5)
    of_logits = torch.autograd.grad(losses.sum(), logits)[0]
    assert torch.allclose(tokens.squared_gradients, of_logits.square().sum(-1), rtol=1e-5)


def test_weights_of_one_change_nothing_to_the_last_bit():
    hidden, head, targets, _ = problem(37)
    with_weights = SupervisedLoss()(hidden, head, targets, TokenWeights(torch.ones(37)))
    without = SupervisedLoss()(hidden, head, targets)
    assert torch.allclose(with_weights, without, rtol=1e-6)
    for one, other in zip(*(torch.autograd.grad(loss, [hidden, head.weight]) for loss in (with_weights, without)),
                          strict=True):  # fmt: skip
        assert torch.equal(one, other)


def test_from_whole_logits_it_is_the_same():
    hidden, head, targets, weights = problem(12)
    labels = torch.full((2, 10), -100)
    labels[0, 2:8], labels[1, 1:7] = targets[:6], targets[6:]
    logits = torch.zeros(2, 10, 50)
    logits[labels != -100] = head(hidden)
    chunked, whole = TokenWeights(weights), TokenWeights(weights)
    expected = SupervisedLoss()(hidden, head, targets, chunked)
    assert torch.allclose(weighted_sum(logits, labels, whole), expected, rtol=1e-6)
    assert torch.allclose(whole.losses, chunked.losses, rtol=1e-5)
    assert torch.allclose(whole.squared_gradients, chunked.squared_gradients, rtol=1e-5)


def test_figures_are_there_where_nothing_learns():
    hidden, head, targets, weights = problem(5)
    tokens = TokenWeights(weights)
    with torch.no_grad():
        SupervisedLoss()(hidden, head, targets, tokens)
    assert torch.isfinite(tokens.losses).all() and torch.isfinite(tokens.squared_gradients).all()
