"""A layer with room holds what transformers' own layer would hold, whatever joins, leaves or goes on."""

import random
from copy import copy

import pytest
import torch
from transformers.cache_utils import DynamicLayer

from macaw_cli.inference.roomy_layer import SPARE_POSITIONS, RoomyLayer, rows_in_place

HEADS, KEY_DIM, VALUE_DIM = 2, 3, 5


def filled(rows, length, draw):
    """A layer of transformers with random keys and values."""
    layer = DynamicLayer()
    layer.update(*states(rows, length, draw))
    return layer


def states(rows, length, draw):
    generator = torch.Generator().manual_seed(draw.randrange(2**31))
    shapes = (rows, HEADS, length, KEY_DIM), (rows, HEADS, length, VALUE_DIM)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def padded(part, length):
    return torch.nn.functional.pad(part, (0, 0, length - part.shape[2], 0))


def same(layer, other):
    return torch.equal(layer.keys, other.keys) and torch.equal(layer.values, other.values)


@pytest.mark.parametrize("seed", range(20))
def test_it_holds_what_concatenation_would(seed):
    draw = random.Random(seed)
    plain = filled(draw.randrange(1, 4), draw.randrange(1, 9), draw)
    roomy = RoomyLayer.of(plain)
    for _ in range(40):
        rows, length = plain.keys.shape[0], plain.keys.shape[2]
        match draw.choice(["update", "update", "join", "keep", "crop"]):
            case "update":
                new = states(rows, draw.choice([1, 1, 1, 7, 2 * SPARE_POSITIONS]), draw)
                plain.update(*new)
                roomy.update(*new)
            case "join":
                other = filled(draw.randrange(1, 3), draw.randrange(1, 2 * length + 1), draw)
                longest = max(length, other.keys.shape[2])
                plain.keys = torch.cat([padded(plain.keys, longest), padded(other.keys, longest)])
                plain.values = torch.cat([padded(plain.values, longest), padded(other.values, longest)])
                roomy.join(RoomyLayer.of(other))
            case "keep" if rows > 1:
                kept = sorted(draw.sample(range(rows), draw.randrange(1, rows)))
                order, unused = rows_in_place(rows, kept), draw.randrange(length)
                assert sorted(order) == kept
                plain.keys, plain.values = plain.keys[order, :, unused:], plain.values[order, :, unused:]
                roomy.keep(order, unused)
            case "crop" if length > 1:
                removed = -draw.randrange(1, length)
                plain.crop(removed)
                roomy.crop(removed)
        assert same(roomy, plain)


def test_a_new_token_is_written_beside_the_others():
    draw = random.Random(0)
    roomy = RoomyLayer.of(filled(2, 5, draw))
    roomy.update(*states(2, 1, draw))
    place = roomy.keys.data_ptr()
    for _ in range(SPARE_POSITIONS - 1):
        roomy.update(*states(2, 1, draw))
    assert roomy.keys.data_ptr() == place
    roomy.update(*states(2, 1, draw))
    assert roomy.keys.data_ptr() != place


def test_a_copy_sees_no_change_of_the_original():
    draw = random.Random(0)
    roomy = RoomyLayer.of(filled(3, 5, draw))
    roomy.update(*states(3, 1, draw))
    twin = copy(roomy)
    twin.keys, twin.values = twin.keys[:1, :, :4].clone(), twin.values[:1, :, :4].clone()
    before = twin.keys.clone()
    roomy.update(*states(3, 1, draw))
    roomy.keep([2], 0)
    assert torch.equal(twin.keys, before)
    beside = copy(roomy)
    beside.update(*states(1, 1, draw))
    roomy.update(*states(1, 1, draw))
    assert not same(beside, roomy)
    assert torch.equal(beside.keys[:, :, :-1], roomy.keys[:, :, :-1])
