"""The number format of a store is decided once, for the devices that do the work."""

import pytest

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.features.engines.engine_choice import on_cpu
from macaw_cli.features.extract import extract
from macaw_cli.features.precision import settle_precision


@pytest.mark.parametrize(
    ("settings", "gpus", "there", "settled"),
    [
        ({}, None, False, "fp32"), ({}, None, True, "tf32"), ({}, 2, True, "tf32"),
        ({"device": "cpu"}, None, True, "fp32"), ({"precision": "bf16"}, 2, True, "bf16"),
        ({"engine": "ray"}, None, True, "tf32"), ({"engine": "ray"}, 4, False, "tf32"),
        ({"engine": "ray", "device": "cuda"}, None, False, "tf32"),
    ],
)  # fmt: skip
def test_a_precision_is_that_of_the_workers_also_where_this_process_uses_the_cpu(
    monkeypatch, tmp_path, settings, gpus, there, settled
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    workspace = settle_precision(Workspace(tmp_path, Settings(features=FeatureSettings(**settings))), gpus)
    assert on_cpu(workspace).settings.features.precision == settled


def test_the_precision_of_a_cluster_that_nobody_knows_must_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    ray = FeatureSettings(engine="ray")
    with pytest.raises(UsageError, match=r"Ray cluster.*--set features\.precision=tf32"):
        settle_precision(Workspace(tmp_path, Settings(features=ray)), None)
    assert settle_precision(Workspace(tmp_path, Settings(features=ray)), 2).settings.features.precision == "tf32"
    cpus = FeatureSettings(engine="ray", device="cpu")
    assert settle_precision(Workspace(tmp_path, Settings(features=cpus)), None).settings.features.precision == "fp32"


def test_a_store_is_continued_in_its_precision_and_another_one_is_refused_with_the_setting(
    workspace, media, store, capsys
):
    extract(workspace("features.precision=tf32"), ["media/pictures/0.png"])
    extract(workspace(), ["media/pictures/1.png", "media/0.wav"])
    assert "features.precision is tf32" in capsys.readouterr().err
    assert {found["precision"] for found in store().fingerprints.values()} == {"tf32"}
    with pytest.raises(MismatchError, match=r"--set features\.precision=tf32"):
        extract(workspace("features.precision=fp32"), ["media/pictures/2.png"])


def test_the_precision_of_a_remote_store_is_kept(workspace, media, bucket):
    _, url = bucket
    extract(workspace("features.precision=tf32", f"features.out={url}/features"), ["media/pictures/0.png"])
    report = extract(workspace(f"features.out={url}/features"), ["media/pictures/1.png"])
    assert report.made == {"image": 1}
