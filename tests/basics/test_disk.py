"""Room on the disk."""

import errno
from pathlib import Path

import pytest

from macaw_cli.basics.disk import disk_full_is_told, human_bytes, require_free_space
from macaw_cli.basics.errors import ResourceError


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 2**20, "5.0 MiB"), (3 * 2**40, "3.0 TiB")],
)
def test_bytes_are_written_for_people(count, text):
    assert human_bytes(count) == text


def test_room_is_asked_for_also_where_the_folder_does_not_exist_yet(tmp_path):
    require_free_space(tmp_path / "a" / "b", 1)
    with pytest.raises(ResourceError, match=r"free there") as told:
        require_free_space(tmp_path / "a" / "b", 2**60)
    assert "--out" in told.value.hint
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_told_and_says_that_the_same_command_continues(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(ResourceError, match="is full") as told, disk_full_is_told(tmp_path):
        Path("/dev/full").write_text("x" * 10)
    assert "run the same command again" in told.value.hint


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(OSError, match="denied") as told, disk_full_is_told(tmp_path):
        raise PermissionError(errno.EACCES, "denied")
    assert type(told.value) is PermissionError
