import torch
import torch.nn.functional as F

from macaw_cli.model.losses import predicting_positions, response_loss, supervised_places


def test_the_loss_is_the_mean_over_supervised_tokens_only():
    logits, targets = torch.randn(2, 4, 9), torch.tensor([[-100, 3, 4, -100], [1, -100, -100, -100]])
    rows = [(0, 1), (0, 2), (1, 0)]
    expected = sum(F.cross_entropy(logits[row, at], targets[row, at]) for row, at in rows) / 3
    assert torch.allclose(response_loss(logits, targets), expected)


def test_a_given_number_divides_the_sum():
    logits, targets = torch.randn(1, 3, 9), torch.tensor([[2, 3, -100]])
    assert torch.allclose(response_loss(logits, targets, 10), response_loss(logits, targets) * 2 / 10)
    assert torch.allclose(response_loss(logits, targets, torch.tensor(4)), response_loss(logits, targets) / 2)


def test_half_precision_logits_are_summed_in_fp32():
    logits = torch.randn(1, 500, 50).bfloat16()
    loss = response_loss(logits, torch.randint(50, (1, 500)))
    assert loss.dtype == torch.float32


def test_without_supervised_tokens_the_loss_is_zero_and_still_has_gradients():
    logits = torch.randn(1, 3, 9, requires_grad=True)
    loss = response_loss(logits, torch.full((1, 3), -100))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_positions_that_predict_a_supervised_token_in_any_row_are_kept():
    labels = torch.tensor([[-100, -100, 7, -100, 2], [9, -100, -100, -100, 4]])
    assert predicting_positions(labels).tolist() == [1, 3]


def test_places_of_each_row_alone_and_the_tokens_that_they_predict():
    labels = torch.tensor([[-100, -100, 7, -100, 2], [9, -100, -100, -100, 4]])
    places, tokens = supervised_places(labels)
    assert places.tolist() == [1, 3, 5 + 3]
    assert tokens.tolist() == [7, 2, 4]
