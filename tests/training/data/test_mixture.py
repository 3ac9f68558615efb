"""Which conversations an epoch of several weighted datasets takes: counts that add up, whatever the weights."""

import time

import numpy as np
import pytest

from macaw_cli.training.data.mixture import Ingredient, epoch_of_mixture

WEIGHTS = (1 / 3, 0.1, 0.3, 0.5, 0.75, 0.999, 1.0, 1.5, 2.0, 2.7, 5.0)


def taken(count, weight, epoch, seed=0):
    return np.bincount(epoch_of_mixture([Ingredient(0, count, weight)], seed, epoch), minlength=count)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_an_epoch_takes_each_conversation_as_often_as_the_weight_says_give_or_take_one(count, weight):
    total = np.zeros(count, int)
    for epoch in range(25):
        times = taken(count, weight, epoch)
        assert times.min() >= int(weight)
        assert times.max() <= -int(-weight // 1)
        total += times
        assert total.max() - total.min() <= 1
        assert abs(total.sum() - weight * count * (epoch + 1)) < 1 + 1e-4 * count


def test_a_weight_of_one_is_every_conversation_once_in_its_own_order():
    assert epoch_of_mixture([Ingredient(0, 9, 1.0)], 3, 4).tolist() == list(range(9))


def test_half_takes_another_half_each_epoch_and_other_halves_with_another_seed():
    first, second = taken(100, 0.5, 0), taken(100, 0.5, 1)
    assert (first + second).tolist() == [1] * 100
    assert taken(100, 0.5, 0).tolist() == first.tolist()
    assert taken(100, 0.5, 0, seed=1).tolist() != first.tolist()
    assert taken(100, 0.5, 2).tolist() != first.tolist()


def test_datasets_keep_to_their_own_numbers_and_do_not_move_each_other():
    alone = epoch_of_mixture([Ingredient(0, 10, 0.5)], 0, 3)
    mixed = epoch_of_mixture([Ingredient(0, 10, 0.5), Ingredient(10, 4, 2.0)], 0, 3)
    assert mixed[:5].tolist() == alone.tolist()
    assert sorted(mixed[5:].tolist()) == sorted([10, 11, 12, 13] * 2)


def test_a_million_conversations_take_a_moment():
    started = time.perf_counter()
    numbers = epoch_of_mixture([Ingredient(0, 10**6, 1.5), Ingredient(10**6, 10**6, 0.3)], 0, 9)
    assert len(numbers) == 1_800_000
    assert time.perf_counter() - started < 5
