"""What is in a folder, told for each kind, and every damaged file named."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.inspection import exports, models
from macaw_cli.inspection.inspect_folder import inspect_folder, recognise


@pytest.fixture
def told(capsys):
    """`told(folder, verify=...)`: the JSON that inspect prints."""

    def run(folder, *, verify=False):
        inspect_folder(folder, verify=verify, as_json=True)
        return json.loads(capsys.readouterr().out)

    return run


def cut(file, count):
    file.write_bytes(file.read_bytes()[:-count])


def change(file, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_a_feature_store_is_counted_per_modality_with_its_rejects(finished, told):
    facts = told(finished / "features", verify=True)
    assert (facts["kind"], facts["damaged"]) == ("feature store", [])
    seen = facts["modalities"]
    assert {name: (entry["files"], entry["shapes"]) for name, entry in seen.items()} == {
        "image": (2, {"16 x 24": 2}),
        "audio": (2, {"50 x 32": 1, "55 x 32": 1}),  # the audio and the video's soundtrack
        "video": (2, {"3 x 16 x 24": 2}),
    }
    assert all(entry["null_entry"] and len(entry["fingerprint"]) == 16 for entry in seen.values())
    assert seen["audio"]["seconds"][0] == pytest.approx(1.0, abs=0.2)
    (group,) = facts["rejects"]
    assert (facts["rejected"], group["files"], group["paths"]) == (1, 1, ["media/fake.jpg"])


def test_a_dataset_is_counted_per_kind_and_split(finished, told):
    facts = told(finished / "dataset", verify=True)
    assert (facts["kind"], facts["damaged"]) == ("dataset", [])
    assert sum(facts["conversations"].values()) == 5
    counted = facts["kinds"]["train"].get("image/colour", 0) + facts["kinds"]["val"].get("image/colour", 0)
    assert counted == 2
    assert facts["media"]["audio"] == {"media": 2, "soundtracks": 1, "shapes": {"50 x 32": 1, "55 x 32": 1}}
    assert len(facts["hash"]) == 64
    assert facts["lock"]["sources"]


def test_a_dataset_and_its_features_show_the_same_encoder(finished, told):
    store = {name: entry["fingerprint"] for name, entry in told(finished / "features")["modalities"].items()}
    model = {name: entry["fingerprint"] for name, entry in told(finished / "runs/tiny/model")["modalities"].items()}
    assert told(finished / "dataset")["fingerprints"] == store == model


def test_a_model_is_counted_per_part_without_loading_it(finished, told):
    from macaw_cli.model.folder import load_model

    facts = told(finished / "runs/tiny/model", verify=True)
    model, _ = load_model(finished / "runs/tiny/model")
    assert sum(facts["parameters"].values()) == sum(parameter.numel() for parameter in model.parameters())
    assert set(facts["parameters"]) == {"LLM", "begin_end_tokens", "image bridge", "audio bridge", "video bridge"}
    assert facts["bridge"] == {"name": "linear", "norm": False}
    assert facts["modalities"]["video"]["feature_shape"] == [3, 16, 24]
    assert facts["encoders_inside"] == []


def test_a_run_tells_its_course_and_what_was_not_left_at_its_default(copy, told):
    rows = [
        {"step": 1, "loss": 2.0, "learning_rate": 0.1},
        {"step": 2, "loss": 1.0, "learning_rate": 0.2},
        {"step": 2, "validation": {"loss": 1.5, "modalities": {"image": {"real": 0.9, "swapped": 0.3}}, "kinds": {}}},
    ]
    (copy / "runs/tiny/metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = told(copy / "runs/tiny")
    assert (facts["kind"], facts["finished"], facts["steps"]) == ("run", True, 2)
    assert facts["metrics"]["loss"] == {"first": 2.0, "last": 1.0, "lowest": 1.0, "highest": 2.0, "rows": 2}
    assert facts["metrics"]["validation loss"]["last"] == 1.5
    assert facts["validation"]["modalities"]["image"]["real"] == 0.9
    assert facts["settings"]["chat.max_new_tokens"] == 12
    assert "training.epochs" not in facts["settings"]
    inspect_folder(copy / "runs/tiny", verify=False, as_json=False)


def test_an_unfinished_run_says_how_to_continue(copy, capsys):
    (copy / "runs/tiny/summary.json").unlink()
    inspect_folder(copy / "runs/tiny", verify=False, as_json=False)
    assert "macaw train --resume" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["features", "dataset", "runs/tiny", "runs/tiny/model"])
def test_each_kind_is_told_to_people_too(finished, folder, capsys):
    inspect_folder(finished / folder, verify=True, as_json=False)
    shown = capsys.readouterr()
    assert str(finished / folder) in shown.out
    assert "All files match their recorded hashes." in shown.out
    assert "Next: macaw" in shown.err


def test_a_shard_cut_in_the_middle_and_a_changed_byte_are_both_named(copy):
    image, audio = sorted((copy / "features").glob("*-000000.tar"))[1], copy / "features/audio-000000.tar"
    assert image.name.startswith("image")
    cut(image, 1500)
    change(audio, 600)
    with pytest.raises(DamagedError) as caught:
        inspect_folder(copy / "features", verify=True, as_json=False)
    assert "image-000000.tar" in caught.value.problem
    assert "audio-000000.tar" in caught.value.problem
    assert "video-000000.tar" not in caught.value.problem


def test_a_shard_cut_at_a_member_boundary_is_noticed(copy):
    """A tar reader sees fewer members and no error."""
    import tarfile

    shard = copy / "dataset/train-000000.tar"
    with tarfile.open(shard) as tar:
        last = tar.getmembers()[-1]
    cut(shard, shard.stat().st_size - last.offset)
    with pytest.raises(DamagedError, match=r"train-000000.tar.*\d+.*\d+"):
        inspect_folder(copy / "dataset", verify=True, as_json=False)


def test_damage_is_told_as_json_too(copy, capsys):
    (copy / "dataset/index.jsonl").unlink()
    with pytest.raises(DamagedError):
        inspect_folder(copy / "dataset", verify=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["damaged"] == [{"file": "index.jsonl", "problem": "it is missing"}]


@pytest.mark.parametrize("folder", ["runs/tiny", "runs/tiny/model"])
def test_cut_weights_are_noticed(copy, folder):
    cut(copy / "runs/tiny/model/model.safetensors", 10)
    with pytest.raises(DamagedError, match=r"model.safetensors.* is truncated"):
        inspect_folder(copy / folder, verify=True, as_json=False)


def test_a_changed_file_of_an_export_is_noticed(copy):
    folder = copy / "runs/tiny/model"
    hashes = {"tokenizer.json": "0" * 64, "gone.txt": "0" * 64}
    (folder / exports.REPORTS[0]).write_text(json.dumps({"files": hashes}))
    with pytest.raises(DamagedError, match=r"tokenizer.json.*gone.txt"):
        inspect_folder(folder, verify=True, as_json=False)


def test_a_folder_that_is_nothing_says_what_was_looked_for_and_what_is_inside(finished, tmp_path):
    with pytest.raises(InputError, match=r"store.json.*dataset.json"):
        recognise(tmp_path)
    with pytest.raises(InputError, match=f"{finished}/dataset"):
        recognise(finished)
    with pytest.raises(InputError, match="model type"):
        recognise(finished / "models/clip")


def test_a_file_and_a_wrong_path_are_told(finished, tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"is a file"):
        recognise(finished / "dataset/dataset.json")


def test_what_inspection_says_by_itself_is_what_the_rooms_say():
    """Constants are repeated here only because importing those rooms takes seconds."""
    from macaw_cli.export import export_report
    from macaw_cli.model import configuration

    assert models.MODEL_VERSION == configuration.FORMAT_VERSION
    assert (exports.REPORTS[0], exports.REPORT_VERSION) == (export_report.REPORT_NAME, export_report.REPORT_VERSION)
