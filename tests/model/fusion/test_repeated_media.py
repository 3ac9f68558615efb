"""Media that stand several times in a batch are bridged once, and come out as often."""

import torch

from macaw_cli.model.fusion.repeated_media import each_once, first_places, repeated


def test_repetitions_are_left_out_and_put_back():
    one, other = torch.ones(2, 3), torch.ones(2, 3)
    places = first_places({"image": [one, other, one], "audio": []})
    assert places == {"image": [0, 1, 0], "audio": []}
    assert each_once({"image": ["a", "b", "a"], "audio": []}, places) == {"image": ["a", "b"], "audio": []}
    soft = torch.arange(5.0)[:, None]  # two tokens, two tokens, and a null medium's
    assert repeated(soft, [2, 2, 2], [0, 1, 0])[:, 0].tolist() == [0, 1, 2, 3, 0, 1, 4]
    assert repeated(soft, [2, 3], [0, 1]) is soft
