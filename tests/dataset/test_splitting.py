"""No medium on both sides, whatever the rows ask for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.basics.connected_components import Connections
from macaw_cli.dataset.splitting import SplitItem, TextGroups, text_rank
from macaw_cli.dataset.splitting import assign_splits as assign_both

LINKS = st.frozensets(st.sampled_from([f"m{n}" for n in range(30)]), min_size=1, max_size=3)
FREE = st.lists(st.builds(SplitItem, LINKS, st.sampled_from(["image", "video"])), max_size=60)
WISHES = st.sampled_from([None, None, "train", "val"])
ANY = st.lists(st.builds(SplitItem, LINKS, st.just("image"), WISHES), max_size=40)


def assign_splits(items, fraction, seed):
    """Without texts."""
    return assign_both(items, fraction, seed)[0]


def links_of(items, sides, wanted):
    return {link for item, side in zip(items, sides, strict=True) if side == wanted for link in item.links}


@settings(max_examples=150)
@given(items=ANY, fraction=st.sampled_from([0.0, 0.1, 0.5]), seed=st.integers(0, 9))
def test_no_medium_is_on_both_sides_and_wishes_are_kept_or_the_row_is_left_out(items, fraction, seed):
    sides = assign_splits(items, fraction, seed)
    assert not links_of(items, sides, "train") & links_of(items, sides, "val")
    for item, side in zip(items, sides, strict=True):
        assert side in (item.asked, None) if item.asked else True
        assert side == "val" if item.asked == "val" else True


@settings(max_examples=150)
@given(items=FREE, fraction=st.sampled_from([0.05, 0.2, 0.5]), seed=st.integers(0, 9))
def test_without_wishes_all_are_used_and_at_most_the_fraction_is_held_out(items, fraction, seed):
    sides = assign_splits(items, fraction, seed)
    assert None not in sides
    held_out = sides.count("val")
    strata = len({item.stratum for item in items}) + 1
    if held_out > fraction * len(items) + strata / 2:  # only the one group that is held out at least
        links = links_of(items, sides, "val")
        assert all(links & item.links for item, side in zip(items, sides, strict=True) if side == "val")


@settings(max_examples=60)
@given(items=FREE, seed=st.integers(0, 9), order=st.randoms(use_true_random=False))
def test_the_order_of_the_conversations_decides_nothing(items, seed, order):
    shuffled = list(range(len(items)))
    order.shuffle(shuffled)
    sides = assign_splits(items, 0.2, seed)
    assert [sides[n] for n in shuffled] == assign_splits([items[n] for n in shuffled], 0.2, seed)


def singles(count, stratum="image"):
    return [SplitItem(frozenset([f"{stratum}{n}"]), stratum) for n in range(count)]


def test_the_fraction_is_met_in_every_stratum():
    items = [*singles(200), *singles(100, "audio"), *singles(40, "")]
    sides = assign_splits(items, 0.1, 0)
    assert [sides[:200].count("val"), sides[200:300].count("val"), sides[300:].count("val")] == [20, 10, 4]
    assert sides != assign_splits(items, 0.1, 1)


def test_conversations_on_new_media_do_not_move_most_of_the_others():
    before, after = assign_splits(singles(200), 0.1, 0), assign_splits(singles(220), 0.1, 0)
    assert sum(a != b for a, b in zip(before, after, strict=False)) <= 6


def test_a_small_set_holds_out_one_group_and_a_single_group_stays_in_training():
    items = [SplitItem(frozenset(["a"])), SplitItem(frozenset(["a"])), SplitItem(frozenset(["b"]))]
    assert assign_splits(items, 0.05, 0) == ["train", "train", "val"]
    assert assign_splits(items[:2], 0.05, 0) == ["train", "train"]
    assert assign_splits(items, 0.0, 0) == ["train"] * 3


def test_a_wish_pulls_connected_conversations_along():
    items = [SplitItem(frozenset(["a"]), asked="val"), SplitItem(frozenset(["a", "b"])), SplitItem(frozenset(["b"])),
             SplitItem(frozenset(["b"]), asked="train"), SplitItem(frozenset(["a"]), asked="train")]  # fmt: skip
    # the second and third row connect held-out `a` with the fourth's `b`; the last asks for `a` itself
    assert assign_splits(items, 0.0, 0) == ["val", None, None, "train", None]
    assert assign_splits(items[:3], 0.0, 0) == ["val", "val", "val"]


def test_long_chains_are_one_group():
    connections = Connections()
    for n in range(5000):
        connections.connect([n, n + 1])
    assert connections.group(0) == connections.group(5000)
    assert connections.group("other") == "other"


@settings(max_examples=60)
@given(items=st.lists(st.builds(SplitItem, LINKS, st.just("image"), WISHES, st.integers(1, 4)), max_size=30),
       seed=st.integers(0, 9))  # fmt: skip
def test_one_item_for_several_that_are_alike_divides_as_the_several_do(items, seed):
    several = [SplitItem(item.links, item.stratum, item.asked) for item in items for _ in range(item.count)]
    sides = [side for item, side in zip(items, assign_splits(items, 0.3, seed), strict=True) for _ in range(item.count)]
    assert sides == assign_splits(several, 0.3, seed)


@settings(max_examples=100)
@given(texts=st.lists(st.sampled_from("abcdefghijkl"), max_size=40), media=st.integers(0, 3), seed=st.integers(0, 9),
       fraction=st.sampled_from([0.0, 0.05, 0.3]))  # fmt: skip
def test_texts_as_numbers_divide_as_items_do(texts, media, seed, fraction):
    images = singles(media)
    items = [*images, *(SplitItem(frozenset([text])) for text in texts)]
    expected = assign_splits(items, fraction, seed)
    ranks, sizes = np.unique(np.array([text_rank(text, seed) for text in texts], np.uint64), return_counts=True)
    sides, held_out = assign_both(images, fraction, seed, TextGroups(ranks, sizes))
    sides = sides + ["val" if text_rank(text, seed) in held_out else "train" for text in texts]
    assert sides == expected
