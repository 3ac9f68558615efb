"""The note about damaged shards: replaced whole, shortened by repairs, gone with the last one."""

import pytest

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import MismatchError
from macaw_cli.shards.damage_note import DAMAGE_NAME, damaged_shards, forget_damage, note_damage


def test_a_note_is_read_back_shortened_and_removed(tmp_path):
    assert damaged_shards(tmp_path) == []
    note_damage(tmp_path, {"image-000000.tar": "it is missing", "audio-000002.tar": "it was truncated"})
    assert damaged_shards(tmp_path) == ["image-000000.tar", "audio-000002.tar"]
    forget_damage(tmp_path, ["image-000000.tar", "image-000001.tar"])
    assert damaged_shards(tmp_path) == ["audio-000002.tar"]
    forget_damage(tmp_path, ["audio-000002.tar"])
    assert not (tmp_path / DAMAGE_NAME).exists()
    note_damage(tmp_path, {})
    forget_damage(tmp_path, ["audio-000002.tar"])


def test_a_newer_note_is_refused(tmp_path):
    write_json(tmp_path / DAMAGE_NAME, {"format_version": 2})
    with pytest.raises(MismatchError, match="format version 2"):
        damaged_shards(tmp_path)
