"""Doctor on a machine that is too busy to answer: nothing is called missing that was not looked at."""

import json

import pytest

from macaw_cli.basics.child import Ended
from macaw_cli.config.loading import open_workspace
from macaw_cli.inspection import checks, decoders, doctor, packages


@pytest.fixture
def busy(monkeypatch):
    monkeypatch.setattr(checks.child, "run", lambda *_, **__: Ended(None, "", "no answer within 120 s"))


@pytest.mark.parametrize("look", [
    packages.torch_and_gpus, packages.transformers, packages.deepspeed, packages.webdataset, decoders.decoders,
])  # fmt: skip
def test_what_does_not_answer_in_time_is_slow_and_nobody_is_told_to_install_it_again(busy, look):
    found = look()
    for check in found if isinstance(found, list) else [found]:
        assert (check.status, "120 s" in check.detail) == ("slow", True)
        assert "pip install" not in check.hint


def test_a_machine_that_is_only_busy_is_no_error(busy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    doctor.report(open_workspace(None), as_json=False)
    told = capsys.readouterr()
    assert "slow    transformers" in told.out and "MISSING" not in told.out
    assert "Not checked" in told.err and "can run here" not in told.err
    doctor.report(open_workspace(None), as_json=True)
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_a_process_that_is_ended_for_its_time_is_told_from_one_that_fails():
    assert checks.probe("import time; time.sleep(60)", timeout_s=0.2).slow
    assert not checks.probe("raise SystemExit(3)").slow
