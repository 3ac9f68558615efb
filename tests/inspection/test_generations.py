"""The folder of a generation, as `macaw inspect` tells it."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError, MismatchError
from macaw_cli.inspection.generations import describe_generation
from macaw_cli.inspection.inspect_folder import inspect_folder

KIND = {"requests": 3, "accepted": 20, "outcomes": {"ok": 2, "not JSON": 1}, "rejected": {"empty": 4}, "cost": 0.5}
REPORT = {
    "format_version": 1,
    "generator": {"model": "m", "endpoint": "http://x/v1", "prompts": "ab", "cost": 0.5, "kinds": {"yes-no": KIND}},
    "ledger": {"replies": 3, "cost": 0.5, "unanswered": 2, "unanswered_cost_at_most": 0.25},
    "run": {"stopped": "the limit is reached"},
}


def write(folder, content):
    (folder / "generation.json").write_text(json.dumps(content))
    return folder


def test_model_cost_examples_and_reasons_are_told(tmp_path, capsys):
    inspect_folder(write(tmp_path, REPORT), verify=False, as_json=False)
    told = capsys.readouterr().out
    for part in ("yes-no", "20", "$0.5000", "not JSON", "empty", "$0.2500", "the limit is reached"):
        assert part in told


def test_a_folder_without_an_ended_run_is_told(tmp_path):
    assert "none yet" in describe_generation(write(tmp_path, {"format_version": 1})).lines["examples"]


@pytest.mark.parametrize(
    "content", [[], {"format_version": 1, "generator": []}, {"format_version": 1, "ledger": {"cost": "x"}}]
)
def test_what_macaw_does_not_write_is_damage(tmp_path, content):
    with pytest.raises(DamagedError):
        describe_generation(write(tmp_path, content))


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(MismatchError):
        describe_generation(write(tmp_path, {"format_version": 99}))
