"""Where a server listens and which key it wants: what cannot be is told before a model is loaded."""

import subprocess
import sys
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError, ResourceError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.config.settings import Settings
from macaw_cli.serving.web.listening import api_key, is_loopback, listening_socket

KEY = "key-of-the-test"


@pytest.fixture
def workspace(tmp_path):
    def make(**serve):
        return Workspace(tmp_path, replace(Settings(), serve=ServeSettings(**serve)))

    return make


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("MACAW_API_KEY", raising=False)


def test_no_key_is_needed_where_only_this_machine_can_reach_the_server(workspace):
    assert api_key(workspace()) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_an_address_that_others_can_reach_needs_a_key(workspace, monkeypatch, host):
    assert not is_loopback(host)
    with pytest.raises(UsageError, match="MACAW_API_KEY"):
        api_key(workspace(host=host))
    monkeypatch.setenv("MACAW_API_KEY", KEY)
    assert api_key(workspace(host=host)) == KEY


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_addresses_of_this_machine_are_known(host):
    assert is_loopback(host)


def test_a_key_stands_in_a_file_or_in_the_variable_that_the_settings_name(workspace, monkeypatch, tmp_path):
    (tmp_path / "key.txt").write_text(f"{KEY}\n")
    assert api_key(workspace(api_key_file="key.txt")) == KEY
    monkeypatch.setenv("OTHER_KEY", KEY + "2")
    assert api_key(workspace(api_key_variable="OTHER_KEY")) == KEY + "2"
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        api_key(workspace(api_key_file="nowhere.txt"))


@pytest.mark.parametrize("key", ["", "short", "with a space in it", "schlüssel-mit-umlaut", "with\ttab-in-it"])
def test_a_key_that_cannot_be_sent_or_is_guessed_easily_is_refused_without_being_shown(workspace, monkeypatch, key):
    monkeypatch.setenv("MACAW_API_KEY", key)
    with pytest.raises(UsageError) as told:
        api_key(workspace())
    assert not key or key not in str(told.value)


def test_a_host_of_nobody_one_of_another_machine_and_a_taken_port_are_told():
    with pytest.raises(UsageError, match=r"no\.such\.host\.invalid"):
        listening_socket(ServeSettings(host="no.such.host.invalid"))
    with pytest.raises(ResourceError, match=r"192\.0\.2\.1"):
        listening_socket(ServeSettings(host="192.0.2.1"))
    with listening_socket(ServeSettings(port=0)) as taken, pytest.raises(ResourceError, match="--port"):
        listening_socket(ServeSettings(port=taken.getsockname()[1]))


def test_all_this_is_known_before_anything_heavy_is_loaded():
    code = (
        "import sys, macaw_cli.serving.web.listening; "
        "print([one for one in ('torch', 'fastapi') if one in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
