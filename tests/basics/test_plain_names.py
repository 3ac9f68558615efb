"""A file name that stands in a file leads to one file in its folder, or is refused."""

import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.plain_names import plain_name, shard_name


@pytest.mark.parametrize("name", ["image-000000.tar", "caf\xe9.tar", "a b.tar", "x" * 251 + ".tar"])
def test_plain_names_stay_what_they_are(name):
    assert plain_name(name, "manifest.jsonl") == shard_name(name, "manifest.jsonl") == name


@pytest.mark.parametrize("name", [
    "/etc/image.tar", "../image.tar", "a/image.tar", "image.tar/", "./image.tar", "a\\image.tar", "..tar", ".tar",
    "image\0.tar", "image\n.tar", "\x1b[2J.tar", "\udcff.tar", "x" * 252 + ".tar", "", ".", "..", None, 3,
    ["a.tar"], {},
])  # fmt: skip
def test_anything_else_is_damage_that_names_the_file_it_stands_in(name):
    with pytest.raises(DamagedError, match=r"manifest\.jsonl"):
        shard_name(name, "manifest.jsonl")


@pytest.mark.parametrize("name", ["manifest.jsonl", "store.json", ".macaw.lock", "image-000000.TAR", "tar"])
def test_a_shard_is_a_tar(name):
    with pytest.raises(DamagedError, match=r"\.tar"):
        shard_name(name, "manifest.jsonl")
