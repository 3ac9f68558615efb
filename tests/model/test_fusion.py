import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.fusion import insert_after_first, place_soft_tokens, require_equal_counts

COUNTS = st.dictionaries(st.sampled_from(["image", "audio", "video"]), st.integers(0, 50))


@given(COUNTS, COUNTS)
def test_counts_pass_exactly_when_they_are_equal_and_else_both_numbers_are_told(placeholders, made):
    wrong = {name for name in {*placeholders, *made} if placeholders.get(name, 0) != made.get(name, 0)}
    if not wrong:
        require_equal_counts(placeholders, made)
        return
    with pytest.raises(MismatchError) as told:
        require_equal_counts(placeholders, made)
    for name in wrong:
        numbers = f"{name}: {placeholders.get(name, 0)} placeholders in input_ids, {made.get(name, 0)} soft tokens made"
        assert numbers in told.value.problem


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4))
def test_soft_tokens_fill_their_places_row_by_row_and_nothing_else_changes(places):
    places = torch.tensor(places)
    embeds = torch.zeros(*places.shape, 3)
    soft = torch.arange(1, 1 + int(places.sum())).float()[:, None].repeat(1, 3)
    fused = place_soft_tokens(embeds, places.flatten().nonzero().squeeze(-1), soft)
    assert torch.equal(fused[places], soft)
    assert not fused[~places].any()


def test_an_inserted_block_stands_after_the_first_token_and_is_not_supervised():
    ids, mask, labels = torch.tensor([[1, 5, 6]]), torch.tensor([[1, 1, 0]]), torch.tensor([[-100, 5, -100]])
    ids, mask, labels = insert_after_first(ids, mask, labels, torch.tensor([90, 91]))
    assert ids.tolist() == [[1, 90, 91, 5, 6]]
    assert mask.tolist() == [[1, 1, 1, 1, 0]]
    assert labels.tolist() == [[-100, -100, -100, 5, -100]]
