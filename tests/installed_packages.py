"""Packages that add to macaw, installed for one test, and macaw run with them.

Imported by the tests of what other packages add (`sys.path` holds this folder there).
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent


def install(source, place):
    """The package in the folder `source` as pip leaves it in `place`, a folder to import from."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    for part in source.iterdir():
        if part.name != "pyproject.toml":
            shutil.copytree(part, place / part.name) if part.is_dir() else shutil.copy(part, place)
    write_metadata(place, project["name"], project["version"], project["entry-points"])
    return place


def write_metadata(place, name, version, groups):
    """What makes the entry points of a package known."""
    folder = place / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, some in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in some.items())]
    (folder / "entry_points.txt").write_text("\n".join([*lines, ""]))


def environment(*places):
    return os.environ | {"PYTHONPATH": os.pathsep.join([*map(str, places), str(HERE.parent)])}


def macaw(folder, *commands, places=()):
    """What each of the commands did; the first failure does not stop the others."""
    done = subprocess.run(
        [sys.executable, HERE / "run_commands.py"], input=json.dumps(commands), capture_output=True, text=True,
        cwd=folder, env=environment(*places), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python(code, folder, *places):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=environment(*places), check=False
    )
