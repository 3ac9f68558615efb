"""An export is sent to the hub only where it is asked for, as a whole, and over nothing that is not macaw's."""

import json
import os
import subprocess
import sys

import pytest
from hub_server import hub_server

from macaw_cli.basics.errors import UsageError
from macaw_cli.export.hub import require_own_repository

TOKEN = "hf_secretsecret"
ASK = """
import sys
from pathlib import Path
from macaw_cli.basics.errors import MacawError
from macaw_cli.export.hub import push, require_own_repository
try:
    require_own_repository(sys.argv[1], private=True)
    print(push(Path(sys.argv[2]), sys.argv[1]))
except MacawError as error:
    print(type(error).__name__, error.problem, error.hint)
"""
"""In a process of its own: huggingface_hub reads these variables when it is imported."""


def asked(server, folder, repository="me/x", token=TOKEN):
    """What a process says that sends a folder to a server."""
    named = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}", "HF_TOKEN": token, "HF_HUB_OFFLINE": "0",
             "HF_HUB_DISABLE_PROGRESS_BARS": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ASK, repository, str(folder)], env={**os.environ, **named}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert TOKEN not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path):
    """As small an export as can be."""
    (tmp_path / "out/adapter").mkdir(parents=True)
    (tmp_path / "out/export_report.json").write_text(json.dumps({"files": {}}))
    (tmp_path / "out/model.safetensors").write_bytes(bytes(100))
    (tmp_path / "out/adapter/adapter_config.json").write_text("{}")
    return tmp_path / "out"


def test_a_folder_becomes_a_private_repository_and_a_second_export_replaces_it(folder):
    with hub_server() as server:
        assert asked(server, folder).endswith("/me/x")
        assert server.private is True
        sent = server.repositories["me/x"]
        assert sent.keys() - {".gitattributes"} == {
            "export_report.json", "model.safetensors", "adapter/adapter_config.json"
        }  # fmt: skip
        assert sent["model.safetensors"] == bytes(100)
        (folder / "model.safetensors").rename(folder / "other.safetensors")
        assert asked(server, folder).endswith("/me/x")
        assert "other.safetensors" in sent and "model.safetensors" not in sent


def test_what_macaw_did_not_make_is_never_overwritten(folder):
    with hub_server() as server:
        server.repositories["me/x"] = {"thesis.pdf": b"mine"}
        told = asked(server, folder)
        assert told.startswith("InputError") and "thesis.pdf" in told
        assert server.repositories["me/x"] == {"thesis.pdf": b"mine"}


def test_a_hub_that_refuses_or_is_not_there_is_told_without_the_token(folder):
    with hub_server() as server:
        told = asked(server, folder, token="hf_wrong")
        assert told.startswith("ResourceError") and "401" in told and "hf_wrong" not in told
    assert asked(server, folder).startswith("ResourceError")


def test_without_a_name_a_network_or_a_token_nothing_is_sent(monkeypatch):
    from huggingface_hub import constants

    for name in ("mine", "a/b/c", "../x", "me/x y", ""):
        with pytest.raises(UsageError, match="owner/name"):
            require_own_repository(name, private=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE"):
        require_own_repository("me/x", private=False)
