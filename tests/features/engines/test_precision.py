"""The number format of a store is decided once, for the devices that do the work."""

import pytest

from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.features.engines.choosing import on_cpu, settle_precision


@pytest.mark.parametrize(
    ("settings", "gpus", "there", "settled"),
    [
        ({}, None, False, "fp32"), ({}, None, True, "tf32"), ({}, 2, True, "tf32"),
        ({"device": "cpu"}, None, True, "fp32"), ({"precision": "bf16"}, 2, True, "bf16"),
        ({"engine": "ray"}, None, True, "fp32"), ({"engine": "ray"}, 4, False, "tf32"),
        ({"engine": "ray", "device": "cuda"}, None, False, "tf32"),
    ],
)  # fmt: skip
def test_a_precision_is_that_of_the_workers_also_where_this_process_uses_the_cpu(
    monkeypatch, tmp_path, settings, gpus, there, settled
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    workspace = settle_precision(Workspace(tmp_path, Settings(features=FeatureSettings(**settings))), gpus)
    assert on_cpu(workspace).settings.features.precision == settled
