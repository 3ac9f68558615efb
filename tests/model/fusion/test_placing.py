import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.fusion.placing import (
    insert_after_first,
    place_soft_tokens,
    require_matching_media,
    require_promised_tokens,
    separated,
)
from macaw_cli.model.packing.row_layout import Run

MEDIA = st.lists(st.integers(1, 9), max_size=5)


def runs(sizes):
    return [Run(10 * number, size) for number, size in enumerate(sizes)]


@given(st.dictionaries(st.sampled_from(["image", "audio", "video"]), MEDIA))
def test_media_that_fill_their_places_pass(media):
    require_matching_media({name: runs(sizes) for name, sizes in media.items()}, media)


@given(MEDIA.filter(lambda sizes: len(set(sizes)) > 1), st.data())
def test_two_swapped_media_of_other_sizes_are_refused_with_both_numbers(sizes, data):
    pairs = [(i, j) for i in range(len(sizes)) for j in range(i) if sizes[i] != sizes[j]]
    second, first = data.draw(st.sampled_from(pairs))
    swapped = list(sizes)
    swapped[first], swapped[second] = sizes[second], sizes[first]
    with pytest.raises(MismatchError) as told:
        require_matching_media({"image": runs(sizes)}, {"image": swapped})
    for number in (f"image: medium {first + 1}", f"{sizes[first]} placeholders", f"{sizes[second]} soft tokens"):
        assert number in told.value.problem


@pytest.mark.parametrize(
    ("placeholders", "made", "numbers"),
    [([5], [], ("5", "0")), ([], [7], ("0", "7")), ([5, 6], [5], ("11", "5")), ([5], [3], ("5", "3"))],
)
def test_other_numbers_of_media_are_refused_with_both_numbers(placeholders, made, numbers):
    with pytest.raises(MismatchError) as told:
        require_matching_media({"audio": runs(placeholders)}, {"audio": made})
    assert all(number in told.value.problem for number in ("audio", *numbers))


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


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=4))
def test_media_side_by_side_are_told_apart_by_their_sizes(groups):
    found = [Run(100 * number, sum(sizes)) for number, sizes in enumerate(groups)]
    made = [size for sizes in groups for size in sizes]
    cut = separated({"image": found}, {"image": made})["image"]
    assert [run.length for run in cut] == made
    covered = [place for run in found for place in range(run.place, run.place + run.length)]
    assert [place for run in cut for place in range(run.place, run.place + run.length)] == covered


def test_a_run_that_no_media_fill_stays_whole_so_that_it_is_told():
    assert separated({"image": [Run(0, 5), Run(9, 3)]}, {"image": [4, 3]})["image"] == [Run(0, 5), Run(9, 3)]
    assert separated({"image": [Run(0, 5)]}, {})["image"] == [Run(0, 5)]


@pytest.mark.parametrize("shape", [(7, 32), (9, 32), (8, 16), (4, 2, 32)])
def test_a_bridge_that_returns_other_soft_tokens_than_it_says_is_named_with_both_shapes(tiny, shape):
    config = tiny.config("linear")
    require_promised_tokens(config, "image", torch.zeros(8, 32), [5, 3])
    with pytest.raises(MismatchError) as told:
        require_promised_tokens(config, "image", torch.zeros(shape), [5, 3])
    assert all(word in told.value.problem for word in ("linear", str(shape), "(8, 32)"))


@pytest.mark.parametrize("trains", [True, False])
def test_the_model_says_which_bridge_made_too_few(tiny, trains):
    model = tiny.model("linear")
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    forward = model.fusion.bridges["image"].forward
    model.fusion.bridges["image"].forward = lambda *given: forward(*given)[:-1]
    with torch.set_grad_enabled(trains), pytest.raises(MismatchError, match="image bridge linear"):
        model(input_ids=ids, image_features=tiny.features("image"))
