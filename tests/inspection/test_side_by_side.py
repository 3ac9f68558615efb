"""`macaw inspect` with several paths: what can be compared, and what cannot."""

import json
import shutil

import pytest
from written_run import write_run

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.inspection.inspect_folder import PageRequest
from macaw_cli.inspection.side_by_side import compare_folders


@pytest.fixture
def runs(tmp_path):
    return [str(write_run(tmp_path / name, loss=loss)) for name, loss in (("first", 2.0), ("second", 4.0))]


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dataset.json").write_text("{}")
    return str(tmp_path / "data")


def test_the_same_folder_twice_is_refused(runs):
    with pytest.raises(UsageError, match="/first is named twice"):
        compare_folders([*runs, f"{runs[0]}/../first"], as_json=False)


def test_a_run_and_a_dataset_are_refused(runs, dataset):
    with pytest.raises(UsageError, match=r"first is a run and .*data is a dataset"):
        compare_folders([*runs, dataset], as_json=False)


def test_what_is_neither_is_refused_with_how_to_see_it(runs, tmp_path):
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(UsageError, match="is a feature store") as caught:
        compare_folders([*runs, str(tmp_path)], as_json=False)
    assert "macaw inspect" in caught.value.hint


def test_a_missing_folder_is_named(runs):
    with pytest.raises(InputError, match="nowhere"):
        compare_folders([*runs, "nowhere"], as_json=False)


def test_a_url_is_refused(runs):
    with pytest.raises(UsageError, match="is a URL"):
        compare_folders([*runs, "s3://bucket/run"], as_json=False)


def test_three_datasets_or_a_page_of_two_are_refused(dataset):
    others = [shutil.copytree(dataset, f"{dataset}{number}") for number in (2, 3)]
    with pytest.raises(UsageError, match="3 datasets"):
        compare_folders([dataset, *others], as_json=False)
    with pytest.raises(UsageError, match="no page"):
        compare_folders([dataset, others[0]], as_json=False, page=PageRequest())


def test_two_real_datasets_are_compared(finished, copy, capsys):
    compare_folders([str(finished / "dataset"), str(copy / "dataset")], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["same"] and found["inputs"] == {} == found["counts"]
    compare_folders([str(finished / "dataset"), str(copy / "dataset")], as_json=False)
    assert "hold the same conversations" in capsys.readouterr().out
