"""A workspace with features of a few media, and a way to build a dataset in it."""


import pytest
from fake_store import make_store

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset

IMAGES = [f"images/{n}.png" for n in range(12)]
VIDEOS = [f"videos/{n}.mp4" for n in range(4)]
AUDIOS = [f"audio/{n}.wav" for n in range(4)]


@pytest.fixture
def store(tmp_path):
    """A feature store of 12 images, 4 audio files and 4 videos, of which the last is silent."""
    return make_store(tmp_path / "features", IMAGES, AUDIOS, VIDEOS, silent=VIDEOS[-1:])


@pytest.fixture
def build(tmp_path):
    """`build(sources, **dataset settings)` builds in the temporary workspace."""

    def run(*sources, seed=0, limit=None, plan=False, **settings):
        tree = {"seed": seed, "dataset": {"sources": list(sources), "max_reject_ratio": 1.0, **settings}}
        return build_dataset(Workspace(tmp_path, parse_settings(tree, "test")), limit=limit, plan=plan)

    return run
