"""Every reader on files that were cut, changed or written on purpose: one clear error or a result, never anything else.

The formats stand in the modules beside this one. MACAW_FUZZ=2500 tries so many files of each; so does the slow test.
"""

import functools
import os
import shutil

import feature_files
import foreign_files
import model_files
import pytest
import training_files
from formats import clear
from hypothesis import HealthCheck, Phase, given, settings
from mutations import mutated, mutation

from macaw_cli.basics import console
from macaw_cli.model.text import rendering

USUAL, MANY = int(os.environ.get("MACAW_FUZZ", 60)), 2500
# the limit of chat templates may strike inside a callback of hypothesis, which Python then tells
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
FORMATS = feature_files.FORMATS | training_files.FORMATS | model_files.FORMATS | foreign_files.FORMATS


def fuzz(name, folder, examples):
    tried = FORMATS[name]
    good, work, outside = folder / "good", folder / "work", folder / "outside"
    for made in (good, outside):
        made.mkdir()
    for other in ("outside.txt", "outside.tar"):  # which names in files lead to, see `mutations.VALUES`
        (folder / other).write_text("mine")
    tried.make(good)
    tried.read(shutil.copytree(good, work))
    known = sorted([*(path.name for path in folder.iterdir())])

    @settings(max_examples=max(int(examples * tried.share), 5),
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(change=mutation)
    def one(change):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(good, work)
        file = next(work.glob(tried.files[change[0][0] % len(tried.files)]))
        file.write_bytes(mutated(file.read_bytes(), change))
        clear(functools.partial(tried.read, work))
        assert sorted(path.name for path in folder.iterdir()) == known
        assert {(folder / other).read_text() for other in ("outside.txt", "outside.tar")} == {"mine"}
        assert not any(outside.iterdir())

    one()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(console, "put", lambda text, *, to_stdout: None)
    monkeypatch.setattr(rendering, "LIMIT_S", 0.2)


@pytest.mark.parametrize("name", FORMATS)
def test_a_few_changed_files_of_each_format_are_read_or_refused(name, tmp_path):
    fuzz(name, tmp_path, USUAL)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", FORMATS)
def test_thousands_of_changed_files_of_each_format_are_read_or_refused(name, tmp_path):
    fuzz(name, tmp_path, MANY / FORMATS[name].share)  # each of them so many
