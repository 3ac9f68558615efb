"""Only regular files are opened."""

import os
import socket

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular


def test_a_file_is_opened_also_through_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in ("a", "b"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"abc"


def test_pipes_sockets_devices_and_folders_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for place, kind in (("pipe", "a pipe"), ("socket", "a socket"), ("/dev/null", "a device"), (".", "a folder")):
            with pytest.raises(InputError, match=f"{place} is {kind}"):
                open_regular(place)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
