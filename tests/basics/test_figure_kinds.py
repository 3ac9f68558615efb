"""Kinds below their modality, in figures of both versions."""

from macaw_cli.basics.figure_kinds import kinds_below, modality_of


def test_the_modality_of_a_kind_is_written_or_in_its_name():
    assert modality_of("  what happens", {"modality": "image+audio"}) == "image+audio"
    assert modality_of("image/colour", {}) == modality_of("  image", {}) == "image"


def test_kinds_stand_below_their_modality():
    kinds = {"image/colour": {"n": 1}, "a caption": {"modality": "image"}, "audio": {}, "x": {"modality": "y"}}
    figures = {"kinds": kinds}
    assert list(kinds_below(figures, "image")) == ["image/colour", "a caption"]
    assert kinds_below(figures, "audio") == kinds_below({}, "image") == {}
