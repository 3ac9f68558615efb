"""Views: each operation against a plain loop, their order, and shapes that are known beforehand."""

import random

import numpy as np
import pytest
import torch

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.view_settings import AudioView, ImageView, ViewSettings
from macaw_cli.encoders.padding import WindowLayout
from macaw_cli.encoders.views import View, view_of, viewed, viewed_shape, views_of

PADDED = {"preprocessing": {"chunk_length": 3, "sampling_rate": 100, "hop_length": 25}}
"""6 tokens, 2 a second."""


def features(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(2, 3, shape).astype(np.float16))


def by_hand(view, frame, seconds):
    """The view of one (N, C), token by token, in fp64."""
    tokens = [token.double() for token in frame]
    if view.trim is not None:
        kept = [token for part in view.trim.slices(len(tokens), seconds) for token in range(len(tokens))[part]]
        tokens = [tokens[token] for token in kept]
    part = len(tokens) // (view.class_tokens or 1)
    tokens = [token for place, token in enumerate(tokens) if not view.class_tokens or place % part]
    tokens = [torch.stack(tokens[at : at + view.pool]).mean(0) for at in range(0, len(tokens), view.pool)]
    if view.layer_norm:
        tokens = [(one - one.mean()) / (one.var(correction=0) + 1e-5).sqrt() for one in tokens]
    tokens += [torch.zeros_like(tokens[0])] * (-len(tokens) % view.stack)
    return torch.stack([torch.cat(tokens[at : at + view.stack]) for at in range(0, len(tokens), view.stack)])


def test_any_view_is_what_a_plain_loop_makes_and_has_the_shape_that_was_foretold():
    dice = random.Random(0)
    for seed in range(200):
        layers = dice.randint(1, 3)
        trim = WindowLayout(dice.randint(2, 9), layers, 60, 20) if dice.random() < 0.5 else None
        class_tokens = 0 if trim else dice.choice([0, layers])
        view = View(trim, class_tokens, dice.randint(1, 5), dice.random() < 0.5, dice.randint(1, 4))
        tokens = layers * (trim.positions * dice.randint(1, 3) if trim else dice.randint(2, 9))
        seconds = dice.uniform(0.01, 9.5)
        medium = features(tokens, 8, seed=seed)
        seen = viewed(view, medium, seconds)
        assert tuple(seen.shape) == viewed_shape(view, (tokens, 8), seconds)
        assert seen.dtype == torch.float16
        torch.testing.assert_close(seen.double(), by_hand(view, medium, seconds), rtol=1e-3, atol=1e-3)


def test_frames_of_a_video_are_viewed_one_by_one():
    view = View(class_tokens=1, pool=2, layer_norm=True, stack=2)
    video = features(3, 10, 4)
    seen = viewed(view, video)
    assert tuple(seen.shape) == viewed_shape(view, (3, 10, 4)) == (3, 3, 8)
    assert all(torch.equal(seen[number], viewed(view, video[number])) for number in range(3))


def test_a_last_partial_group_is_the_mean_of_what_is_there_and_stacking_fills_with_zeros():
    tokens = torch.tensor([[1.0], [3.0], [8.0]])
    assert viewed(View(pool=2), tokens).tolist() == [[2.0], [8.0]]
    assert viewed(View(stack=2), tokens).tolist() == [[1.0, 3.0], [8.0, 0.0]]
    assert viewed(View(pool=99), tokens).tolist() == [[4.0]]


def test_the_order_is_trim_pool_layer_norm_stack():
    audio = AudioView(trim=True, pool=2, layer_norm=True, stack=2)
    view = view_of("audio", ViewSettings(audio=audio), PADDED)
    medium = features(6, 8)
    pooled = viewed(View(pool=2), medium[:3].float())
    normed = torch.nn.functional.layer_norm(pooled, (8,))
    torch.testing.assert_close(viewed(view, medium, 1.5).float(), normed.reshape(1, 16), rtol=2e-3, atol=2e-3)


def test_the_default_view_changes_nothing():
    assert views_of(ViewSettings(), {"image": {}, "audio": PADDED, "video": {}}) == {}
    medium = features(5, 4)
    assert viewed(View(), medium) is medium


def test_trim_is_for_padding_that_is_stored_and_dropping_for_padding_that_was_just_made():
    trim, no = ViewSettings(audio=AudioView(trim=True)), ViewSettings()
    dropped, speech = PADDED | {"audio_padding": "drop"}, {"preprocessing": {"sampling_rate": 100}}
    asks = {
        (name, raw): view_of("audio", settings, fingerprint, raw=raw).needs_seconds
        for name, settings, fingerprint in (
            ("keep", no, PADDED), ("keep+trim", trim, PADDED), ("drop", no, dropped), ("drop+trim", trim, dropped),
            ("speech+trim", trim, speech),
        )
        for raw in (False, True)
    }  # fmt: skip
    assert {name for name, asked in asks.items() if asked} == {
        ("keep+trim", False), ("keep+trim", True), ("drop", True), ("drop+trim", True)
    }  # fmt: skip


def test_trim_without_a_length_is_refused():
    view = view_of("audio", ViewSettings(audio=AudioView(trim=True)), PADDED)
    for attempt in (lambda: viewed_shape(view, (6, 8)), lambda: viewed(view, features(6, 8))):
        with pytest.raises(InputError, match=r"views\.audio\.trim"):
            attempt()
    assert viewed_shape(view.of_null, (6, 8)) == (6, 8)


@pytest.mark.parametrize("modality", ["image", "video"])
def test_a_class_token_is_dropped_of_each_layer_and_only_where_it_was_kept(modality):
    settings = ViewSettings(**{modality: ImageView(drop_cls=True)})
    assert view_of(modality, settings, {"cls": "keep", "layer": -2}).class_tokens == 1
    two = view_of(modality, settings, {"cls": "keep", "layer": [3, 6]})
    medium = torch.arange(10.0)[:, None]
    assert viewed(two, medium).flatten().tolist() == [1, 2, 3, 4, 6, 7, 8, 9]
    for cls in ("drop", "only"):
        with pytest.raises(UsageError, match=rf"views\.{modality}\.drop_cls.*cls={cls}"):
            view_of(modality, settings, {"cls": cls, "layer": -1})
