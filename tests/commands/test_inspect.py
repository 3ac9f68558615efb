"""`macaw inspect`, run as a user runs it."""

import json
import subprocess
import sys

from written_run import write_run


def inspect(folder, *arguments):
    command = [sys.executable, "-m", "macaw_cli", "inspect", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_a_folder_that_is_nothing_ends_with_one_and_two_lines(tmp_path):
    done = inspect(tmp_path, ".")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: . holds nothing written by macaw: looked for store.json")
    assert len(done.stderr.splitlines()) == 2


def test_without_a_path_it_is_wrong_usage(tmp_path):
    assert inspect(tmp_path).returncode == 2


def test_a_page_is_for_feature_stores_datasets_and_runs_only(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "macaw"}')
    done = inspect(tmp_path, ".", "--html")
    assert done.returncode == 2 and "--html shows feature stores, datasets and runs; . is a model." in done.stderr
    assert inspect(tmp_path, ".", "--html", "--samples", "0").returncode == 2


def test_options_that_do_not_belong_together_are_wrong_usage(tmp_path):
    for options in (["--model", "m"], ["--example", "1", "--verify"], ["--to", "a.jsonl", "--example", "1"]):
        assert inspect(tmp_path, ".", *options).returncode == 2
    assert inspect(tmp_path, ".", "x", "--to", "a.jsonl").returncode == 2


def test_a_store_without_media_makes_a_page_and_json(tmp_path):
    (tmp_path / "store.json").write_text('{"format_version": 1, "fingerprints": {}}')
    done = inspect(tmp_path, ".", "--out", "page.html", "--verify", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["html"], facts["damaged"], facts["modalities"]) == ("page.html", [], {})
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_several_runs_stand_side_by_side(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, old=name == "a", epochs=float(len(name)))
    done = inspect(tmp_path, "a", "b", "--html", "--json")
    assert done.returncode == 0, done.stderr
    assert [run["name"] for run in json.loads(done.stdout)["runs"]] == ["a", "b"]
    assert (tmp_path / "comparison.html").is_file()
    assert inspect(tmp_path, "a", "b", "--verify").returncode == 2
