"""A model that reads experts' texts is exported with its experts, so that the folder needs nothing else."""

import json
import shutil

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.loading import open_workspace
from macaw_cli.export.run import export_model
from macaw_cli.inference.engine import Engine
from macaw_cli.inspection.models import verify_model

FILES = {"image": "red.png", "audio": "blue.wav", "video": "film.mp4"}


@pytest.fixture(scope="module", params=["beside", "instead"])
def exported(request, told_workspace, tmp_path_factory):
    """The run's name, a copy of the workspace, the report, and the export, where nothing else is."""
    root = shutil.copytree(told_workspace, tmp_path_factory.mktemp("told") / "workspace")
    (root / "models/whisper/pytorch_model.bin").write_bytes(b"a pickle")
    (root / "models/whisper/modeling_own.py").write_text("raise SystemExit")
    report = export_model(open_workspace(root, ["export.out=out"]), root / "runs" / request.param)
    alone = tmp_path_factory.mktemp("alone") / "model"
    shutil.move(root / "out", alone)
    return request.param, root, report, alone


def test_the_proof_has_media_that_experts_describe(exported):
    _, _, report, _ = exported
    assert report.proof.modalities == ("image", "audio", "video")
    assert report.proof.largest_difference <= 1e-5
    assert report.proof.examples == 1 + 3 + 2 * 3 + 1, "all media, each alone, files of the workspace, and text"


def test_the_folder_answers_as_the_run_does_where_nothing_else_is(exported, tmp_path, monkeypatch):
    run, root, _, alone = exported
    monkeypatch.chdir(tmp_path)
    source = Engine.from_pretrained(root / "runs" / run, device="cpu", workspace=root)
    carried = Engine.from_pretrained(alone, device="cpu")
    for modality, name in FILES.items():
        media = {modality: root / "media" / name}
        attached = carried._reader.attacher.attach(media[modality], modality)
        assert all(one.text for one in attached)
        assert carried.answer("What is it?", **media, max_new_tokens=8) == source.answer(
            "What is it?", **media, max_new_tokens=8
        )


def test_experts_models_are_copied_without_code_and_pickles(exported):
    _, _, report, alone = exported
    found = {file.relative_to(alone).as_posix() for file in (alone / "experts").rglob("*") if file.is_file()}
    assert {"experts/transcript/model.safetensors", "experts/tags/model.safetensors"} <= found
    assert not [name for name in found if name.endswith((".bin", ".py"))]
    assert set(json.loads((alone / "export_report.json").read_text())["files"]) >= found
    assert [finding.problem for finding in verify_model(alone) if finding.problem] == []
    named = {one["name"]: one["options"]["model"] for one in
             json.loads((alone / "config.json").read_text())["expert_texts"]["experts"]}  # fmt: skip
    assert named == {"transcript": "experts/transcript", "tags": "experts/tags"}
    assert len([note for note in report.notes if "experts/" in note]) == 2
    assert "Engine.from_pretrained" in (alone / "README.md").read_text()


def test_an_expert_of_datasets_alone_is_not_exported(told_workspace, tmp_path):
    root = shutil.copytree(told_workspace, tmp_path / "workspace")
    file = root / "runs/instead/model/config.json"
    config = json.loads(file.read_text())
    config["expert_texts"]["experts"][0]["name"] = "nearest-caption"
    file.write_text(json.dumps(config))
    with pytest.raises(MismatchError, match="nearest-caption"):
        export_model(open_workspace(root, ["export.out=out"]), root / "runs/instead")
