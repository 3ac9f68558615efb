"""What is wrong with a server's model or backend is told first, without torch."""

import os
import socket
import subprocess
import sys

import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.serving.first_checks import require_served


@pytest.fixture
def taken():
    """A port at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("place", [".", "model", "media"])
def test_a_folder_with_a_configuration_is_looked_at_later_and_any_other_is_refused(tmp_path, place):
    for nothing in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="no model in"):
            require_served(nothing, BackendSettings())
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "config.json").write_text("{}")
    require_served(tmp_path, BackendSettings())
    require_served(None, BackendSettings())


def test_a_backend_that_is_no_url_or_does_not_listen_is_told(taken):
    with pytest.raises(UsageError, match="http://localhost:8001/v1"):
        require_served(None, BackendSettings(url="foo"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    for url in (f"http://127.0.0.1:{free}/v1", "http://no.such.host.invalid/v1"):
        with pytest.raises(InputError, match="does not answer"):
            require_served(None, BackendSettings(url=url))
    require_served(None, BackendSettings(url=f"http://127.0.0.1:{taken}/v1"))


def test_a_backend_behind_a_proxy_is_not_dialled_directly(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    require_served(None, BackendSettings(url="https://no.such.host.invalid/v1"))


@pytest.mark.parametrize(
    ("arguments", "told"), [(["nomodel"], "no model in nomodel"), (["--backend", "foo"], "--backend")]
)
def test_they_are_told_before_the_port_and_without_torch(tmp_path, taken, arguments, told):
    code = (
        "import sys\nfrom macaw_cli.main import cli\n"
        "try:\n    cli()\nfinally:\n    print([one for one in ('torch', 'fastapi') if one in sys.modules])"
    )
    command = [sys.executable, "-c", code, "serve", *arguments, "--port", str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert told in done.stderr and "Cannot listen" not in done.stderr
    assert done.returncode in (1, 2) and done.stdout == "[]\n"
