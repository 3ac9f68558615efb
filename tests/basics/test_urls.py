import pytest

from macaw_cli.basics.urls import (
    absolute_place,
    extension_of,
    folder_of,
    is_url,
    joined,
    local_place,
    name_of_url,
    without_secrets,
)


@pytest.mark.parametrize(
    ("place", "expected"),
    [("s3://bucket/a", True), ("hf://datasets/a/b", True), ("https://host/a.jpg", True), ("file:///a", False),
     ("a/b.jpg", False), ("/a//b", False), ("C:/a", False), ("x://", False)],
)  # fmt: skip
def test_what_has_a_scheme_of_several_letters_is_a_url_but_files_are_paths(place, expected):
    assert is_url(place) is expected


def test_file_urls_are_paths():
    assert local_place("file:///a/b%20c.jpg") == "/a/b c.jpg" and local_place("a/b.jpg") == "a/b.jpg"
    assert absolute_place("s3://a/b") == "s3://a/b" and absolute_place("/a/../b") == "/b"


def test_nothing_secret_of_a_url_is_written_down():
    signed = "https://me:pw@host/a.jpg?X-Amz-Signature=1&size=2&X-Amz-Credential=3"
    assert without_secrets(signed) == "https://host/a.jpg?size=2" and name_of_url(signed) == "host/a.jpg?size=2"
    assert without_secrets("https://host/a%20b.jpg?sig=x&sv=y") == "https://host/a%20b.jpg"
    assert without_secrets("s3://bucket/a b?c.jpg") == "s3://bucket/a b?c.jpg"


def test_places_inside_folders():
    assert joined("s3://bucket/a/", "b.jpg") == "s3://bucket/a/b.jpg" and joined("s3://a", "gs://b/c") == "gs://b/c"
    assert folder_of("https://host/a/list.jsonl?x=1/2") == "https://host/a"
    assert extension_of("https://host/a/B.JPG?x=.png") == ".jpg" and extension_of("s3://bucket/a") == ""
