"""The folder of an expert's model is copied into an export: its own files, and nothing that they lead to."""

import json
from types import SimpleNamespace

import pytest

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.export.carried_experts import carried_bytes, carry
from macaw_cli.export.formats.hf import HfExport

TEXTS = {"experts": [{"name": "transcript", "options": {}}]}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "whisper"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "merges.txt", "normalizer.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "secret").write_text("of the user alone")
    return folder


def copied(folder, out):
    sources = {"transcript": str(folder)}
    carry(TEXTS, sources, out)
    files = {file.name: file.read_bytes() for file in (out / "experts/transcript").iterdir()}
    assert carried_bytes(sources) == sum(map(len, files.values()))
    return set(files)


def test_files_that_no_model_is_read_from_stay_where_they_are(model, tmp_path):
    own = {file.name for file in model.iterdir()}
    (model / "notes.txt").symlink_to(tmp_path / "secret")
    (model / "secrets.json").write_text("{}")
    (model / "other.safetensors").write_bytes(b"of a training")
    assert copied(model, tmp_path / "out") == own


@pytest.mark.parametrize("name", ["config.json", "merges.txt", "model.safetensors"])
def test_a_link_out_of_the_folder_is_refused(model, tmp_path, name):
    (model / name).unlink()
    (model / name).symlink_to("../secret")
    with pytest.raises(InputError, match=name):
        carried_bytes({"transcript": str(model)})
    with pytest.raises(InputError, match=name):
        copied(model, tmp_path / "out")


def test_a_link_within_the_folder_is_followed(model, tmp_path):
    (model / "weights").mkdir()
    (model / "model.safetensors").rename(model / "weights/first")
    (model / "model.safetensors").symlink_to("weights/first")
    assert "model.safetensors" in copied(model, tmp_path / "out")


def test_a_snapshot_of_the_hub_cache_is_copied_from_its_blobs_and_no_others(model, tmp_path):
    cached, other = tmp_path / "models--a--whisper", tmp_path / "models--a--private/blobs"
    for folder in (cached / "blobs", cached / "snapshots/main", other):
        folder.mkdir(parents=True)
    for number, file in enumerate(model.iterdir()):
        file.rename(cached / f"blobs/{number}")
        (cached / "snapshots/main" / file.name).symlink_to(f"../../blobs/{number}")
    assert "model.safetensors" in copied(cached / "snapshots/main", tmp_path / "out")
    (other / "1").write_text("another model's")
    (cached / "snapshots/main/vocab.json").symlink_to("../../../models--a--private/blobs/1")
    with pytest.raises(InputError, match="vocab"):
        copied(cached / "snapshots/main", tmp_path / "again")


def test_the_shards_that_an_index_names_are_copied(model, tmp_path):
    (model / "model.safetensors").rename(model / "model-00001-of-00001.safetensors")
    index, notes = model / "model.safetensors.index.json", model / "notes.md"
    notes.write_text("of the user alone")
    index.write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors", "b": "notes.md"}}))
    found = copied(model, tmp_path / "out")
    assert "model-00001-of-00001.safetensors" in found and "notes.md" not in found
    index.write_text(json.dumps({"weight_map": {"a": "../secret"}}))
    with pytest.raises(DamagedError, match="index"):
        copied(model, tmp_path / "again")


def test_a_model_of_the_hub_is_not_told_as_one_in_the_export(tmp_path):
    models = {"transcript": "experts/transcript", "tags": "experts-lab/clip"}
    texts = {"experts": [{"name": name, "options": {"model": model}} for name, model in models.items()]}
    source = SimpleNamespace(model=SimpleNamespace(config=SimpleNamespace(expert_texts=texts)))
    notes = HfExport(HfExportSettings()).notes(source)
    assert [("experts/ has" in note, "experts-lab/clip" in note) for note in notes] == [(True, False), (False, True)]
