"""`hf:` reads what belongs to the dataset, and nothing that its files name elsewhere."""

import gc
import json
import os

import pytest
from fake_store import load_source

from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.formats.hugging_face_files import require_own_files
from macaw_cli.dataset.source_specs import parse_sources

datasets = pytest.importorskip("datasets")
# pandas leaves the files of a streamed dataset to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
ROWS = "question,answer\nWho?,Me.\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(tmp_path, Settings())
    yield lambda text: load_source(parse_sources([text], workspace)[0], 0, tmp_path)
    gc.collect()


@pytest.fixture
def folder(tmp_path):
    """`folder(name=text, ...)` writes a dataset's folder; a file `secret.csv` lies beside it."""
    (tmp_path / "secret.csv").write_text("question,answer\nPassword?,12345\n")
    (tmp_path / "d").mkdir()

    def write(**files):
        for name, text in files.items():
            (tmp_path / "d" / name.replace("_dot_", ".")).write_text(text)
        return tmp_path / "d"

    return write


@pytest.mark.parametrize(("name", "text"), [
    ("x_dot_csv", ROWS), ("x_dot_jsonl", '{"question": "Who?", "answer": "Me."}\n'),
    ("x_dot_json", '[{"question": "Who?", "answer": "Me."}]'),
])  # fmt: skip
def test_a_folder_of_csv_or_json_is_read(load, folder, name, text):
    folder(**{name: text})
    taken, rejects = load("hf:d")
    assert [one.messages[-1]["content"] for one in taken] == ["Me."] and not rejects


@pytest.mark.parametrize("named", [
    "data_files: SECRET", "data_files: ../secret.csv", "data_files: http://127.0.0.1:9/x.csv", "data_dir: ../",
    "data_files: zip://x.csv::SECRET", "data_files: [{split: train, path: [x.csv, SECRET]}]",
    "data_files: hf://datasets/a/b/x.csv", "data_files: ~/x.csv",
])  # fmt: skip
@pytest.mark.parametrize("where", ["README_dot_md", "_dot_huggingface_dot_yaml"])
def test_files_that_a_dataset_names_elsewhere_are_not_read(tmp_path, load, folder, where, named):
    told = f"configs:\n- config_name: default\n  {named.replace('SECRET', str(tmp_path / 'secret.csv'))}"
    folder(x_dot_csv=ROWS, **{where: f"---\n{told}\n---\n" if where.startswith("README") else told})
    with pytest.raises(InputError, match="elsewhere"):
        load("hf:d")


def test_a_dataset_may_name_files_of_its_own(load, folder):
    told = "configs:\n- config_name: default\n  data_files:\n  - {split: test, path: x.csv}"
    folder(x_dot_csv=ROWS, y_dot_csv=ROWS, README_dot_md=f"---\n{told}\n---\n# Title\n")
    assert len(load("hf:d:test")[0]) == 1


@pytest.mark.parametrize(("name", "content"), [
    ("state_dot_json", {"_data_files": [{"filename": "../x.arrow"}]}),
    ("state_dot_json", {"_data_files": ["/x.arrow"]}),
    ("state_dot_json", {"_data_files": 5}), ("state_dot_json", []), ("dataset_dict_dot_json", {"splits": ["../other"]}),
    ("dataset_dict_dot_json", {"splits": 5}), ("dataset_dict_dot_json", {"splits": [None]}),
])  # fmt: skip
def test_a_saved_dataset_that_leads_out_of_its_folder_is_refused(load, folder, name, content):
    folder(dataset_info_dot_json="{}", **{name: json.dumps(content)})
    with pytest.raises(MacawError, match=name.partition("_dot_")[0]):
        load("hf:d")


@pytest.mark.parametrize("name", ["csv", "json", "imagefolder"])
def test_the_name_of_a_builder_does_not_read_the_current_folder(load, folder, name):
    folder(x_dot_csv=ROWS)
    with pytest.raises(InputError):
        load(f"hf:{name}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_a_dataset_does_not_stop_it(load, folder):
    os.mkfifo(folder(x_dot_csv=ROWS) / "a.csv")
    assert len(load("hf:d")[0]) == 1


def test_a_dataset_of_the_hub_names_no_local_files(tmp_path):
    require_own_files({"train": ["hf://datasets/a/b@main/x.csv"]}, None, "a/b")
    for file in ("/etc/passwd", str(tmp_path), "hf://datasets/a/../x", "zip://x.csv::/x.zip"):
        with pytest.raises(InputError, match="elsewhere"):
            require_own_files({"train": [file]}, None, "a/b")
