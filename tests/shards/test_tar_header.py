"""Headers of tar members from a template."""

import tarfile

import pytest

from macaw_cli.shards.tar_header import tar_header, usual_header


@pytest.mark.parametrize(("name", "size"), [("a" * 32 + ".npy", 0), ("b.json", 513), ("c" * 95 + ".json", 7),
                                            ("d" * 120 + "/e.json", 3), ("ä.npy", 8**11 - 1)])  # fmt: skip
def test_a_header_is_that_of_tarfile(name, size):
    assert tar_header(name, size) == usual_header(name, size)
    assert tarfile.TarInfo.frombuf(tar_header(name, size), "utf-8", "strict").size == size
