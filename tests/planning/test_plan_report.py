"""`macaw train --plan`: what it counts, what it measures, what it says where it cannot, and that it writes no run."""

import json
import time

import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.planning import measured_steps, plan_time
from macaw_cli.planning.run import plan_training
from macaw_cli.training.data.epoch_plan import padding_share
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.training_inputs import prepare


def planned(space, capfd, **options):
    capfd.readouterr()
    assert plan_training(space, as_json=True, **options) is None
    printed = capfd.readouterr()
    return json.loads(printed.out), printed.err


def test_the_plan_counts_steps_tokens_and_memory_and_measures_three_steps(workspace, capfd):
    space = workspace(epochs=2, max_steps=None, global_batch_size=2)
    plan, _ = planned(space, capfd)
    (stage,) = plan["stages"]
    assert stage["datasets"][0]["folder"] == space.settings.dataset.out
    assert stage["examples"] == 2 * plan["conversations"] == 120
    assert stage["steps"] == plan["steps"] == pytest.approx(2 * stage["steps_per_epoch"])
    assert stage["parameters"]["llm"]["trained"] > 30_000
    assert plan["memory"]["fits"] is True
    assert {"weights", "gradients", "optimizer state", "activations"} <= set(plan["memory"]["device"])
    (measured,) = plan["measured"]
    assert len(measured["steps"]) == 3
    assert {"load", "forward", "backward", "optimizer"} <= set(measured["steps"][0]["seconds"])
    assert plan["seconds"]["total"] >= plan["seconds"]["steps"] > 0
    assert plan["no_time"] is None
    formats = {one["format"]: one for one in plan["exports"]["formats"]}
    assert formats["hf"]["obstacles"] == [] and set(formats["gguf"]["losses"]) == {"image", "audio", "video"}
    assert all(one["modality"] for one in plan["exports"]["loaders"])
    assert [path.name for path in (space.root / "runs").iterdir()] == [".tokens"]


def test_the_padding_of_two_processes_is_what_one_waits_for_the_other(workspace, capfd):
    space = workspace(epochs=2, max_steps=None, global_batch_size=2, precision="fp16")  # nothing is measured
    plan, _ = planned(space, capfd, cpu_processes=2)
    inputs = prepare(space)
    (stage,) = plan_stages(inputs, space.settings)
    expected = padding_share(stage.steps, inputs.tokens.lengths.tolist(), 2)
    assert plan["stages"][0]["padding"] == pytest.approx(expected)
    assert 0 < expected < 0.2


def test_the_table_says_the_same_to_people(workspace, capfd):
    plan_training(workspace(max_steps=3))
    out = capfd.readouterr().out
    for words in ("steps", "examples", "padding", "memory per process", "measured step 3", "time, about"):
        assert words in out
    assert out.splitlines()[-1] == "Next: macaw train"


def test_the_table_comes_before_the_measuring_and_one_json_object_alone(workspace, capfd, monkeypatch):
    printed_before = []

    def told(text):
        if text.startswith("Measuring real steps"):
            printed_before.append(capfd.readouterr().out)

    monkeypatch.setattr(measured_steps, "say", told)
    plan_training(workspace(max_steps=3))
    assert "memory per process" in printed_before[0] and "time, about" not in printed_before[0]
    assert "time, about" in capfd.readouterr().out
    planned(workspace(max_steps=3), capfd)  # reads one object
    assert printed_before[1] == ""


def test_measuring_is_cut_off_and_what_was_measured_by_then_counts(workspace, capfd, monkeypatch):
    train_step, done = measured_steps.train_step, []

    def slower_and_slower(*arguments, **named):
        done.append(1)
        if len(done) > 2:
            time.sleep(60)
        return train_step(*arguments, **named)

    monkeypatch.setattr(measured_steps, "train_step", slower_and_slower)
    monkeypatch.setattr(measured_steps, "LIMIT_S", 12.0)
    plan, err = planned(workspace(max_steps=3), capfd)
    assert "stopped after 12 s, with 1 of 3 steps done" in err
    assert len(plan["measured"][0]["steps"]) == 1 and plan["seconds"]["total"] > 0


def test_a_step_that_takes_longer_than_the_measuring_gives_no_time(workspace, capfd, monkeypatch):
    monkeypatch.setattr(measured_steps, "train_step", lambda *_, **__: time.sleep(60))
    monkeypatch.setattr(measured_steps, "LIMIT_S", 3.0)
    monkeypatch.setattr(plan_time, "LIMIT_S", 3.0)
    closed, close = [], TrainingEngine.close
    monkeypatch.setattr(TrainingEngine, "close", lambda engine: (closed.append(engine), close(engine)))
    plan_training(workspace(max_steps=3))
    assert "not measured: a step takes longer than the 3 s" in capfd.readouterr().out
    assert len(closed) == 1


def test_too_few_steps_are_told_with_settings_that_help(workspace, capfd):
    few = {"epochs": 1, "sequence_length": 4096, "global_batch_size": 8, "precision": "fp16"}  # nothing is measured
    plan, err = planned(workspace(**few, max_steps=None), capfd)
    (warning,) = plan["warnings"]
    assert warning["suggestion"]["training.global_batch_size"] == 1 and "training.epochs" in warning["suggestion"]
    assert f"Warning: {warning['text']}" in err
    changed = {name.removeprefix("training."): value for name, value in warning["suggestion"].items()}
    better, err = planned(workspace(**few | changed, max_steps=None), capfd)
    assert better["steps"] >= 90 > 1 == plan["steps"]
    plan, err = planned(workspace(**few, max_steps=1), capfd)  # somebody wants it so
    assert plan["warnings"] == [] and "Warning" not in err


def test_gpus_that_are_not_here_are_planned_with_memory_and_without_time(workspace, capfd):
    space = workspace(global_batch_size=8, precision="fp16", zero_stage=3, device="auto")
    plan, _ = planned(space, capfd, gpus=8)
    assert plan["processes"] == {"count": 8, "device": "cuda"}
    assert plan["seconds"] is None
    assert "requested GPUs" in plan["no_time"]
    assert plan["memory"]["verdict"].startswith("needs 8 GPUs of 16 GB")


def test_fp16_on_a_cpu_is_planned_without_time(workspace, capfd):
    plan, _ = planned(workspace(precision="fp16", max_steps=2), capfd)
    assert plan["no_time"] == "macaw does not train with fp16 on a CPU"


def test_what_cannot_be_on_any_machine_is_refused_in_a_plan_too(workspace):
    with pytest.raises(UsageError, match="--gpus and --cpu-processes"):
        plan_training(workspace(), gpus=1, cpu_processes=1)
    with pytest.raises(UsageError, match=r"global_batch_size.*4.*3"):
        plan_training(workspace(), gpus=3)
    with pytest.raises(UsageError, match=r"training\.offload.*zero_stage.*2.*3"):
        plan_training(workspace(offload=True), gpus=1)


def test_stages_are_counted_one_by_one_and_each_is_measured(workspace, capfd):
    stages = [{"name": "first", "train": ["bridge"], "max_steps": 2}, {"name": "then", "epochs": 0.5}]
    plan, _ = planned(workspace(stages=stages, max_steps=None, global_batch_size=2), capfd)
    first, then = plan["stages"]
    assert (first["name"], first["steps"], then["name"]) == ("first", 2, "then")
    assert first["parameters"]["llm"]["trained"] == 0
    assert then["examples"] < plan["conversations"]
    assert [one["stage"] for one in plan["measured"]] == ["first", "then"]


def test_the_papers_recipe_is_planned_without_network_for_its_eight_gpus(world, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "macaw.yaml").write_text(f"dataset: {{out: {world / 'dataset'}}}\n")
    few = [f"bridge.{modality}_tokens=2" for modality in ("image", "audio", "video")]  # the tiny features have no more
    space = open_workspace(tmp_path, few, preset="paper")
    plan, err = planned(space, capfd, preset="paper")
    assert "The preset paper is written for 8 GPUs" in err
    assert "huggyllama/llama-7b is not on this machine" in err
    assert plan["note"]
    assert plan["processes"]["count"] == 8
    assert 6.7e9 < plan["stages"][0]["parameters"]["llm"]["trained"] < 6.8e9
    host, device = plan["memory"]["host"], plan["memory"]["device"]
    assert host["optimizer state"] == pytest.approx(12 * 6.9e9 / 8, rel=0.1)
    assert "optimizer state" not in device
    assert plan["no_time"]
    assert not (tmp_path / "runs").exists()


def test_the_papers_recipe_without_a_dataset_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "macaw.yaml").write_text("")
    with pytest.raises(InputError) as error:
        plan_training(open_workspace(tmp_path, preset="paper"), preset="paper")
    assert "build-dataset" in error.value.hint


@pytest.mark.parametrize(("preset", "values"), [("llava", 6.7e9), ("modern", 7.6e9)])
def test_presets_of_several_stages_and_of_other_llms_are_planned_without_network(
    world, tmp_path, capfd, monkeypatch, preset, values
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "macaw.yaml").write_text(f"dataset: {{out: {world / 'dataset'}}}\n")
    plan, _ = planned(open_workspace(tmp_path, preset=preset), capfd, preset=preset)
    last = plan["stages"][-1]
    assert sum(last["parameters"]["llm"].values()) == pytest.approx(values, rel=0.02)
    assert plan["processes"]["count"] == 8


def test_a_stage_whose_packed_sequences_cannot_be_shared_is_refused(workspace):
    stages = [{"name": "a", "global_batch_size": 3}, {"name": "b"}]
    with pytest.raises(UsageError, match=r"global_batch_size.*3.*2"):
        train(workspace(stages=stages), cpu_processes=2)
