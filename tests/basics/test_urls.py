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


SECRET = "hunter2SECRET"
CARRIERS = [
    "https://me:{}@host/a.jpg", "https://{}@host/a.jpg", "https://me:a/{}@host/a.jpg", "https://[bad:{}@host/a.jpg",
    "https://host/a.jpg?{}", "https://host/a.jpg?x={}", "https://host/a.jpg?size={}%21%21", "https://host/a.jpg#{}",
    "https://host/a.jpg?a=1#access_token={}", "https://host/a.jpg?TOKEN={}", "https://host/a.jpg?%74oken={}",
    "https://host/a.jpg?api_key={}", "https://host/a.jpg?x-access-token={}&b=1", "https://host/a.jpg?a=1;token={}",
    "https://host/a.jpg?a=b=c={}", "s3://key:{}@bucket/a.jpg", "s3://bucket/a.jpg?X-Amz-Security-Token={}",
    "s3://bucket/a.jpg?password={}", "hf://user:{}@datasets/a/b.jpg", "HTTPS://me:{}@host/a.jpg",
]  # fmt: skip


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_place_for_a_secret_in_a_url_is_forgotten(carrier):
    shown = without_secrets(carrier.format(SECRET))
    assert SECRET not in shown and shown.lower().startswith(carrier[:5].lower())
    assert without_secrets(shown) == shown


def test_two_files_that_differ_in_a_value_stay_two_and_one_that_is_signed_anew_stays_one():
    first, second = (without_secrets(f"https://host/get?id={number}&sig={number}") for number in (1, 2))
    assert first != second and name_of_url(first) != name_of_url(second)
    again = without_secrets("https://host/get?id=1&sig=9&Expires=7")
    assert again == first


@pytest.mark.parametrize("url", [
    "https://host/a.jpg", "https://host:8080/a/@me/b.jpg?format=png&size=640x480", "s3://bucket/a#b?c d.jpg",
    "hf://datasets/a@main/b.jpg", "https://host/a.jpg?revision=0a1b2c", "https://host/a.jpg?download", "no url?x=1",
    "https://host/a.jpg?id=~0123abcd",
])  # fmt: skip
def test_what_is_harmless_stays_as_it_is(url):
    assert without_secrets(url) == url


def test_places_inside_folders():
    assert joined("s3://bucket/a/", "b.jpg") == "s3://bucket/a/b.jpg" and joined("s3://a", "gs://b/c") == "gs://b/c"
    assert folder_of("https://host/a/list.jsonl?x=1/2") == "https://host/a"
    assert extension_of("https://host/a/B.JPG?x=.png") == ".jpg" and extension_of("s3://bucket/a") == ""
