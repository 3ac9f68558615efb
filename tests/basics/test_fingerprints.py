"""Hashes and format versions."""

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.fingerprints import fingerprint, fingerprint_difference, require_version, sha256_file


def test_equal_content_has_equal_fingerprints_whatever_the_order_of_its_keys():
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": (1, 2), "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"}) != fingerprint({"a": 1.5})
    assert fingerprint({}) == "44136fa355b3678a"


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_known_versions_pass_and_newer_ones_name_the_version_that_reads_them(tmp_path):
    require_version(1, 1, tmp_path)
    require_version(1, 2, tmp_path)
    with pytest.raises(MismatchError, match=r"format version 3.* up to 2.*version 3"):
        require_version(3, 2, tmp_path)


@pytest.mark.parametrize("found", [None, "1", 0, -1, True, 1.0])
def test_what_is_no_version_is_told(tmp_path, found):
    with pytest.raises(MismatchError, match="no valid format version"):
        require_version(found, 1, tmp_path)


def test_encoders_differ_field_by_field_and_the_name_counts_only_where_nothing_better_is_known():
    clip = {"model": "clip", "weights": "12", "preprocessing": {"size": 224, "crop": None}}
    assert fingerprint_difference(clip, {**clip, "model": "renamed"}) == {}
    assert fingerprint_difference(clip, {**clip, "model": "other"}, names_count=True) == {"model": ("clip", "other")}
    assert fingerprint_difference({"model": "a"}, {"model": "b"}) == {"model": ("a", "b")}
    other = {**clip, "preprocessing": {"size": 336, "crop": None}, "pool": [7, 7]}
    assert fingerprint_difference(clip, other) == {"preprocessing.size": (224, 336), "pool": (None, [7, 7])}
