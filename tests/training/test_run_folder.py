"""Which folder a training writes to: the next number, the unfinished one, or a refusal."""

import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.locks import folder_lock, is_locked
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.training.run_folder import choose_run, read_identity, write_versions


def space(tmp_path, name="", bridge="macaw"):
    tree = {"llm": "x", "bridge": bridge, "training": {"name": name}}
    return Workspace(tmp_path, parse_settings(tree, "test"))


def finished(run):
    run.summary_file.write_text("{}")
    return run


def test_names_count_up_per_bridge(tmp_path):
    assert finished(choose_run(space(tmp_path), False).folder).path.name == "macaw-1"
    assert finished(choose_run(space(tmp_path), False).folder).path.name == "macaw-2"
    assert choose_run(space(tmp_path, bridge="mlp"), False).folder.path.name == "mlp-1"
    mixed = {"image": "mlp", "audio": "frame-stack", "video": "mlp"}
    assert choose_run(space(tmp_path, bridge=mixed), False).folder.path.name == "mlp-frame-stack-1"
    assert choose_run(space(tmp_path, bridge=mixed), False, ["audio"]).folder.path.name == "frame-stack-1"
    assert choose_run(space(tmp_path, bridge=mixed), False).folder.path.name == "mlp-frame-stack-2"


def test_a_plain_training_mentions_the_unfinished_run_and_starts_another(tmp_path, capsys):
    first = choose_run(space(tmp_path), False).folder
    second = choose_run(space(tmp_path), False)
    assert second.folder.path.name == "macaw-2"
    assert not second.continues
    assert str(first.path) in capsys.readouterr().err


def test_a_run_that_somebody_trains_now_is_not_called_unfinished(tmp_path, capsys):
    first = choose_run(space(tmp_path), False).folder
    with folder_lock(first.path):
        choose_run(space(tmp_path), False)
    assert "not finished" not in capsys.readouterr().err
    assert not is_locked(first.path) and not is_locked(tmp_path)


def test_resume_takes_the_newest_unfinished_run(tmp_path):
    choose_run(space(tmp_path), False)
    chosen = choose_run(space(tmp_path), True)
    assert (chosen.folder.path.name, chosen.continues) == ("macaw-1", True)


def test_resume_without_an_unfinished_run_starts_a_new_one(tmp_path):
    finished(choose_run(space(tmp_path), False).folder)
    chosen = choose_run(space(tmp_path), True)
    assert (chosen.folder.path.name, chosen.continues) == ("macaw-2", False)


def test_a_name_that_is_taken_is_refused_with_a_way_out(tmp_path):
    choose_run(space(tmp_path, "mine"), False)
    with pytest.raises(InputError, match=r"mine exists already.*--resume"):
        choose_run(space(tmp_path, "mine"), False)


def test_resume_of_a_finished_named_run_leaves_it_as_it_is(tmp_path):
    finished(choose_run(space(tmp_path, "mine"), False).folder)
    chosen = choose_run(space(tmp_path, "mine"), True)
    assert chosen.folder.is_finished
    assert chosen.continues


def test_the_settings_of_a_run_read_back_to_the_same(tmp_path):
    import yaml

    workspace = space(tmp_path, "mine")
    run = choose_run(workspace, False).folder
    assert parse_settings(yaml.safe_load(run.settings_file.read_text()), "run") == workspace.settings


def test_the_identity_reads_back_and_a_newer_run_is_refused(tmp_path):
    run = choose_run(space(tmp_path), False).folder
    assert read_identity(run) is None
    write_versions(run, {"dataset": "abc"})
    assert read_identity(run) == {"dataset": "abc"}
    run.versions_file.write_text(run.versions_file.read_text().replace('"version": 1', '"version": 7'))
    with pytest.raises(MismatchError, match="version 7"):
        read_identity(run)
