import pytest
import torch
import torch.nn.functional as F

from macaw_cli.model.pretraining.image_text import (
    contrastive_loss,
    generation_loss,
    generation_mask,
    hard_negatives,
    matching_loss,
    similarity,
)


def test_a_medium_is_as_similar_to_a_text_as_its_best_query():
    media, texts = torch.randn(2, 3, 4), torch.randn(5, 4)
    found = similarity(media, texts)
    for medium in range(2):
        for text in range(5):
            assert found[medium, text] == pytest.approx(max((media[medium] @ texts[text]).tolist()), abs=1e-6)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_contrastive_loss_is_a_smoothed_cross_entropy_in_both_directions(rank):
    to_text, to_media = torch.randn(2, 4), torch.randn(2, 4)
    expected = 0.0
    for given in (to_text, to_media):
        log = (given / 0.5).log_softmax(dim=-1)
        for row in range(2):
            expected -= (0.9 * log[row, 2 * rank + row] + 0.1 * log[row].mean()).item() / 4
    assert contrastive_loss(to_text, to_media, 0.5, rank).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rank", [0, 1])
def test_negatives_are_never_the_partner_and_more_often_the_similar(rank):
    similarities = torch.zeros(2, 4)
    similarities[:, 3 if rank == 0 else 0] = 1.0
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([hard_negatives(similarities, 0.3, rank, generator) for _ in range(300)])
    assert not (drawn == torch.arange(2) + 2 * rank).any()
    assert ((drawn == (3 if rank == 0 else 0)).float().mean(dim=0) > 0.8).all()


def test_a_negative_is_found_where_all_but_the_partner_are_far_away():
    similarities = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    assert hard_negatives(similarities, 0.001).tolist() == [1, 0]


def test_only_the_first_pairs_belong_together():
    logits = torch.randn(6, 2)
    expected = F.cross_entropy(logits, torch.tensor([1, 1, 0, 0, 0, 0]))
    torch.testing.assert_close(matching_loss(logits, 2), expected)


def test_text_sees_the_queries_and_what_is_before_it():
    mask = generation_mask(2, torch.tensor([[True, True, False]]))[0].int().tolist()
    assert mask == [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]]


def test_padding_and_the_first_token_are_not_to_be_foretold():
    logits, ids = torch.randn(2, 3, 7), torch.tensor([[1, 2, 3], [4, 5, 0]])
    found = generation_loss(logits, ids, torch.tensor([[True, True, True], [True, True, False]]))
    chosen = torch.stack([logits[0, 0], logits[0, 1], logits[1, 0]])
    torch.testing.assert_close(found, F.cross_entropy(chosen, torch.tensor([2, 3, 5]), label_smoothing=0.1))
