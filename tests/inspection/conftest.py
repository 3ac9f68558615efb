"""A tiny workspace in which features were extracted and a dataset built, by the rooms that do so."""

import json
import shutil

import pytest
import tiny_macaw

CONVERSATIONS = [
    ("red", {"image": ["red.png"]}, "image/colour"),
    ("blue", {"image": ["blue.png"]}, "image/colour"),
    ("beep", {"audio": ["beep.wav"]}, "audio/sound"),
    ("film", {"video": ["film.mp4"]}, "video/movement"),
    ("text", {}, None),
]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A workspace with `features/` (one reject), `dataset/` and the run `tiny`; not to be changed."""
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.dataset.build import build_dataset
    from macaw_cli.features.extract import extract

    root = tiny_macaw.make_workspace(tmp_path_factory.mktemp("finished"))
    (root / "media/fake.jpg").write_text("no picture at all, only words")
    with (root / "talk.jsonl").open("w") as out:
        for name, media, kind in CONVERSATIONS:
            messages = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": name}]
            row = {"id": name, **media, "messages": messages} | ({"kind": kind} if kind else {})
            out.write(json.dumps(row) + "\n")
    workspace = open_workspace(root, ["dataset.sources=[jsonl:talk.jsonl]", "features.max_reject_ratio=1"])
    extract(workspace, [str(root / "media")])
    build_dataset(workspace)
    return root


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(finished, tmp_path / "copy")
