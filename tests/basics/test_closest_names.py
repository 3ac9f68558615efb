"""Names that somebody may have meant."""

from pathlib import Path

import macaw_cli
from macaw_cli.basics.closest_names import LONGEST, closest

NAMES = ["image", "audio", "video"]


def test_the_most_similar_come_first():
    assert closest("imag", NAMES) == ["image"]
    assert closest("vidio", NAMES, 2) == ["video", "audio"]
    assert closest("vidio", NAMES, 2, likeness=0.7) == ["video"]
    assert closest("xyz", NAMES) == []


def test_absurd_lengths_are_left_alone():
    assert closest("image" * 100_000, NAMES) == []
    assert closest("image", ["image" * LONGEST, "images"]) == ["images"]


def test_nothing_else_compares_names():
    root = Path(macaw_cli.__file__).parent
    users = [path.name for path in root.rglob("*.py") if "import difflib" in path.read_text()]
    assert users == ["closest_names.py"]
