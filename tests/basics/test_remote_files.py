import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from macaw_cli.basics import remote_files
from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.basics.remote_files import (
    driver_errors_are_told,
    is_denied,
    open_filesystem,
    require_server,
    with_retries,
)


class WebError(OSError):
    """As drivers of web servers raise it: a status, and a message that holds the URL."""

    def __init__(self, status, url):
        super().__init__(f"{status}, url={url!r}")
        self.status = status


@pytest.mark.parametrize("name", ["00402.jpg", "00403.jpg", "401/Forbidden/credentials.jpg"])
def test_what_a_url_is_called_does_not_make_trouble_of_the_network_hopeless(name, monkeypatch):
    monkeypatch.setattr(remote_files, "_FIRST_PAUSE_S", 0.0)
    tries = []

    def call():
        tries.append(1)
        raise EndpointConnectionError(endpoint_url=f"https://s3.x/b/{name}")

    with pytest.raises(ResourceError, match="Try again later"), driver_errors_are_told(f"s3://b/{name}"):
        with_retries(call)
    assert len(tries) == 4
    assert not is_denied(WebError(503, f"http://127.0.0.1:40133/{name}"))


@pytest.mark.parametrize(
    "error", [PermissionError("Forbidden"), WebError(403, "http://a/b.jpg"), WebError(401, "http://a/b.jpg"),
              NoCredentialsError(), OSError("Forbidden: https://storage/b"),
              ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "GetObject"),
              ClientError({"Error": {"Code": "ExpiredToken"}}, "GetObject")],
)  # fmt: skip
def test_refusals_are_told_at_once(error):
    tries = []

    def call():
        tries.append(1)
        raise error

    with pytest.raises(InputError, match=r"may not be read"), driver_errors_are_told("s3://a/b"):
        with_retries(call)
    assert len(tries) == 1


@pytest.mark.parametrize(
    "url",
    ["dir:///etc", "local:///etc/passwd", "zip://a::file:///etc/a.zip", "reference://a", "tar://a", "filecache://a",
     "https://example.org/a::file:///etc/passwd", "git:///a", "arrow_hdfs://a", "nonsense://a", "LOCAL:///etc/passwd"],
)  # fmt: skip
def test_urls_that_could_mean_files_of_this_machine_are_refused(url):
    with pytest.raises(InputError, match="macaw reads no"):
        open_filesystem(url)


@pytest.mark.parametrize("url", ["memory://a/b", "s3://b/c", "S3://b/c", "https://example.org/a", "ssh://h/a"])
def test_urls_of_servers_are_taken(url):
    require_server(url)
