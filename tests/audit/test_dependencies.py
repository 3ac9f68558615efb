"""Packages that macaw runs on: what sees the keys of an API is small, known, and of one version.

A release of a popular gateway between LLM APIs (litellm, March 2026) stole credentials: macaw has no gateway, and every
package that `constraints.txt` installs is of an exact version.
"""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GATEWAYS = {"litellm", "langchain", "langchain-core", "aisuite", "portkey-ai", "gateway", "diskcache", "gradio"}
SEE_KEYS = {"openai", "huggingface-hub"}
"""Direct dependencies that are handed a key of the user's."""


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned():
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return {canonical(re.split(r"[=<>!~ @;\[]", line)[0]): line for line in lines if line}


def required(listed):
    return {canonical(re.split(r"[=<>!~ @;\[]", one)[0]): one for one in listed}


@pytest.mark.parametrize("name", sorted(required(PROJECT["dependencies"])))
def test_every_dependency_has_one_exact_version(name):
    wanted = required(PROJECT["dependencies"])[name]
    if "sys_platform == 'darwin'" in wanted:
        pytest.skip("of another system")
    assert re.search(r"==[\w.+!]+( *;.*)?$", pinned()[name])


def test_no_package_stands_between_macaw_and_an_api():
    everything = set(pinned()) | set(required(PROJECT["dependencies"]))
    assert not everything & GATEWAYS
    assert set(required(PROJECT["dependencies"])) >= SEE_KEYS


def test_the_client_that_is_handed_keys_is_imported_in_few_places():
    """A further place is looked at before it stands here."""
    found = {
        file.relative_to(ROOT / "macaw_cli").parts[0]
        for file in (ROOT / "macaw_cli").rglob("*.py")
        if re.search(r"^\s*(import|from) openai\b", file.read_text(), re.MULTILINE)
    }
    # generation of examples, `macaw serve --backend`, and the example of a client that an export of the LLM holds
    assert found == {"dataset", "serving", "export"}
