"""Doctor's look at the workspace and at the models that it names."""

import os

import pytest

from macaw_cli.basics import memory
from macaw_cli.config.loading import open_workspace
from macaw_cli.inspection import machine


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def of(**names):
        keys = {"image": "features.image_encoder.model", "audio": "features.audio_encoder.model", "llm": "llm"}
        return open_workspace(None, [f"{keys[role]}={name}" for role, name in names.items()])

    return of


def only(checks):
    (check,) = checks
    return check


def test_a_model_folder_of_the_workspace_is_found(workspace, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    assert only(machine.named_models(workspace(llm="tiny"))).status == "ok"


def test_a_folder_that_is_no_model_is_told(workspace, tmp_path):
    (tmp_path / "tiny").mkdir()
    check = only(machine.named_models(workspace(llm="tiny")))
    assert (check.status, "config.json" in check.detail) == ("missing", True)


def test_a_hub_model_is_downloaded_later_unless_it_is_cached(workspace, tmp_path):
    check = only(machine.named_models(workspace(image="openai/clip-vit-base-patch16")))
    assert check.status == "warn"
    assert "hf download openai/clip-vit-base-patch16" in check.hint
    (tmp_path / "cache" / "models--openai--clip-vit-base-patch16").mkdir(parents=True)
    assert only(machine.named_models(workspace(image="openai/clip-vit-base-patch16"))).status == "ok"


def test_a_hub_model_is_out_of_reach_when_offline(workspace, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    check = only(machine.named_models(workspace(llm="openai/whisper-base")))
    assert (check.status, "HF_HUB_OFFLINE" in check.hint) == ("missing", True)


def test_an_encoder_out_of_reach_is_a_note_because_not_all_data_need_it(workspace, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("openai/whisper-base", "./models/whisper"):
        check = only(machine.named_models(workspace(audio=name)))
        assert (check.status, bool(check.hint)) == ("warn", True)


def test_a_wrong_path_is_not_taken_for_a_hub_id(workspace):
    assert only(machine.named_models(workspace(llm="./models/tiny"))).status == "missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written_is_told(workspace, tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert machine.workspace_folder(workspace()).status == "missing"
    finally:
        tmp_path.chmod(0o700)


def test_a_container_limit_counts_as_the_memory(workspace, tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    assert (machine.memory().status, machine.memory().detail) == ("warn", "1.0 GiB")
    assert machine.cpu().detail == "0.5 cores"
