"""Maps show where the features are strong, also when all of them are equally long."""

import io

import numpy as np
from PIL import Image

from macaw_cli.inspection.feature_images import heat_maps, thumbnail, waveform


def pixels(file):
    return np.asarray(Image.open(io.BytesIO(file.content)).convert("RGB"))


def brightest(file):
    return np.unravel_index(pixels(file).sum(axis=-1).argmax(), pixels(file).shape[:2])


def with_strong(token, tokens=16):
    features = np.ones((tokens, 8), np.float16)
    features[token] = 5
    return features


def test_a_square_of_patches_is_a_square_and_a_class_token_stands_apart():
    (plain,) = heat_maps(with_strong(6), over_time=False).images
    assert pixels(plain).shape == (4, 4, 3) and brightest(plain) == (1, 2)
    maps = heat_maps(np.concatenate([np.full((1, 8), 100, np.float16), with_strong(6)]), over_time=False)
    assert brightest(maps.images[0]) == (1, 2) and "first token (class) 283" in maps.note


def test_audio_files_and_odd_numbers_of_tokens_are_a_row_of_bounded_length():
    (audio,) = heat_maps(with_strong(3), over_time=True).images
    assert pixels(audio).shape == (1, 16, 3) and brightest(audio) == (0, 3)
    assert pixels(heat_maps(with_strong(3, 15), over_time=False).images[0]).shape == (1, 15, 3)
    assert pixels(heat_maps(with_strong(3, 3000), over_time=True).images[0]).shape == (1, 240, 3)


def test_a_video_has_a_map_per_frame_on_one_scale():
    first, second = heat_maps(np.stack([with_strong(0), with_strong(15) * 3]), over_time=False).images
    assert brightest(second) == (3, 3) and pixels(first).sum() < pixels(second).sum()


def test_equally_long_tokens_are_compared_with_an_empty_inputs_or_their_mean():
    features = np.tile(np.eye(8, dtype=np.float16)[:1], (16, 1))
    features[6] = np.eye(8)[1]
    maps = heat_maps(features, over_time=False)
    assert brightest(maps.images[0]) == (1, 2) and "distance from the mean token" in maps.note
    empty = features.copy()
    empty[9] = np.eye(8)[2]
    maps = heat_maps(features, empty, over_time=False)
    assert brightest(maps.images[0]) == (2, 1) and "distance from an empty input" in maps.note


def test_one_token_and_odd_audio_files_do_not_break_anything():
    assert heat_maps(with_strong(0, 1), over_time=False).images == []
    assert pixels(waveform(np.zeros(1, np.float32), "silence")).shape == (112, 1, 3)
    assert pixels(thumbnail(np.zeros((1000, 3, 3), np.uint8), "tall")).shape == (160, 1, 3)


def test_a_waveform_is_as_high_as_the_audio_is_loud_on_no_background():
    file = waveform(np.repeat([1.0, -0.5, 0.0], 600).astype(np.float32), "steps")
    drawn = np.asarray(Image.open(io.BytesIO(file.content)).convert("RGBA"))[..., 3] > 0
    assert drawn.shape == (112, 600)
    filled = drawn.sum(axis=0)
    assert filled[100] == filled[300] == filled[500] == 1 or filled.max() <= 2  # a constant is a line
    first, second = (np.flatnonzero(drawn[:, column]).mean() for column in (100, 300))
    assert first < 2
    assert second > 80
