"""Drivers of URLs: which of them macaw's own requirements bring, and what is said where one is missing."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.basics.remote_drivers import PACKAGES
from macaw_cli.basics.remote_files import _TYPED, open_filesystem

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
REQUIRED = {"http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub", "ftp": "fsspec", "memory": "fsspec"}
"""Kinds of URL that need no extra (docs/remote.md), and what brings their driver."""
OPENS = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2:]:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from macaw_cli.basics.remote_files import open_filesystem
print(type(open_filesystem(sys.argv[1])[0]).__name__)
"""


def installed_without_extras():
    """Names of the distributions that an installation without extras has."""
    found, new = set(), [Requirement(line) for line in PROJECT["dependencies"]]
    while new:
        one = new.pop()
        name, extras = canonicalize_name(one.name), ("", *one.extras)
        if name in found or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        try:
            needs = [Requirement(line) for line in importlib.metadata.requires(name) or []]
        except importlib.metadata.PackageNotFoundError:
            continue
        new += [item for item in needs if not item.marker or any(item.marker.evaluate({"extra": x}) for x in extras)]
    return found


def modules_of_extras():
    """Modules that are here only because of extras, such as `dev`."""
    required = installed_without_extras()
    return [
        module for module, owners in importlib.metadata.packages_distributions().items()
        if module.isidentifier() and not any(canonicalize_name(owner) in required for owner in owners)
        and module != "macaw_cli"
    ]  # fmt: skip


@pytest.mark.parametrize(("scheme", "kind"), [("https", "HTTPFileSystem"), ("hf", "HfFileSystem")])
def test_https_and_hf_need_no_extra(scheme, kind, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    url = "hf://datasets/a/b/cat.jpg" if scheme == "hf" else "https://example.org/cat.jpg"
    extras = modules_of_extras()
    assert "s3fs" in extras and "moto" in extras
    done = subprocess.run([sys.executable, "-c", OPENS, url, *extras], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{kind}\n", "")


def test_what_needs_no_extra_is_a_requirement_and_the_extras_are_of_the_project():
    names = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    for scheme, package in REQUIRED.items():
        assert PACKAGES[scheme] == package and canonicalize_name(package) in names
    extras = {package for package in PACKAGES.values() if "macaw-cli[" in package}
    assert {package.strip("'").removeprefix("macaw-cli[")[:-1] for package in extras} <= set(
        PROJECT["optional-dependencies"]
    )


@pytest.mark.parametrize("scheme", sorted(_TYPED))
def test_a_missing_driver_is_told_with_a_command_that_can_be_run(scheme, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def missing(*_, **__):
        raise ImportError(f"Install the driver of {scheme}")

    monkeypatch.setattr("fsspec.url_to_fs", missing)
    with pytest.raises(MissingDependencyError) as told:
        open_filesystem(f"{scheme}://host/cat.jpg")
    words = (told.value.hint or "").split()
    assert words[:2] == ["pip", "install"] and len(words) == 3


@pytest.mark.parametrize("scheme", ["abfss", "webdavs"])
def test_a_kind_of_url_that_only_its_driver_makes_known_is_not_called_malformed(scheme):
    with pytest.raises(MissingDependencyError, match=f"{scheme}://"):
        open_filesystem(f"{scheme}://host/cat.jpg")
