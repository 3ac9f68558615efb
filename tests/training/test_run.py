"""A whole training on the tiny world: what it writes, what it says, and that it learns."""

import json
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.basics.errors import InputError, MismatchError, ResourceError, UsageError
from macaw_cli.planning.run import plan_training
from macaw_cli.training.run import train


def losses(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def test_a_training_writes_the_whole_run_folder_and_learns(workspace, capfd):
    space = workspace(max_steps=12, evaluate_every=6, train=["bridge", "begin_end_tokens", "llm"])
    report = train(space)
    run = space.root / "runs" / "linear-1"
    assert {path.name for path in run.iterdir()} - {".macaw.lock"} == {
        "settings.yaml", "versions.json", "deepspeed.json", "metrics.jsonl", "tensorboard", "checkpoints", "model",
        "summary.json",
    }  # fmt: skip
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["latest", "step-00000010", "step-00000012"]
    assert json.loads((run / "summary.json").read_text())["steps"] == report.steps == 12
    assert losses(run)[-1] < losses(run)[0] - 0.2
    assert set(report.validation["modalities"]) == {"image", "audio", "video"}
    printed = capfd.readouterr()
    assert printed.out.splitlines() == [f"Trained {run} in 12 steps. Next: macaw chat {run}"]
    assert "step 12/12" in printed.err
    assert "validation: loss" in printed.err


def test_the_trained_model_loads_and_gives_the_loss_that_was_reported(workspace):
    from macaw_cli.model.folder import load_model

    space = workspace(max_steps=2)
    train(space)
    model, processor = load_model(space.root / "runs" / "linear-1")
    assert model.config.fingerprints["audio"]["model"] == "tiny-whisper"
    assert processor.encoder.max_length == 256


def test_the_loss_is_the_mean_over_the_response_tokens_of_the_whole_step(workspace):
    """The first step's loss, from the model itself, conversation by conversation."""
    from macaw_cli.training.data.batches import SequenceReader
    from macaw_cli.training.schedule.stage_plan import plan_stage
    from macaw_cli.training.training_inputs import prepare
    from macaw_cli.training.tuning.model_setup import new_model

    space = workspace(max_steps=1)
    train(space)
    inputs = prepare(space)
    (step,) = plan_stage(inputs, space.settings.training, space.settings.seed)
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer).eval()
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    total, count = 0.0, 0
    for example in (example for sequence in step.sequences for example in sequence):
        batch = reader.read((example,))
        with torch.no_grad():
            total += float(model(**batch.inputs(torch.device("cpu")), num_supervised=1).loss)
        count += int((batch.labels != -100).sum())
    assert count == step.supervised_tokens
    assert losses(space.root / "runs" / "linear-1")[0] == pytest.approx(total / count, rel=1e-5)


def test_every_modality_may_have_a_bridge_of_its_own(workspace):
    """Planned, trained, resumed, saved and described with one design per modality; the run is named after them."""
    from macaw_cli.inspection.inspect_folder import inspect_folder
    from macaw_cli.model.folder import load_model

    bridge = {"image": {"name": "mlp", "norm": True}, "audio": {"name": "frame-stack", "stride": 3}}
    space = workspace(max_steps=2, bridge=bridge)
    train(space)
    run = space.root / "runs" / "mlp-frame-stack-macaw-1"
    model, _ = load_model(run)
    assert [model.config.bridge_settings(name).name for name in model.config.modalities] == [
        "mlp", "frame-stack", "macaw"
    ]  # fmt: skip
    assert model.config.bridge_settings("audio").stride == 3
    inspect_folder(run, verify=True, as_json=False)
    train(workspace(max_steps=2, bridge=bridge, name=run.name), resume=True)
    with pytest.raises(MismatchError, match=r"bridge\.audio\.stride"):
        train(workspace(max_steps=2, bridge={**bridge, "audio": "frame-stack"}, name=run.name), resume=True)


@pytest.mark.parametrize("zero_stage", [0, 3])
def test_norms_start_with_the_size_of_the_llms_embeddings_whatever_the_zero_stage(workspace, world, zero_stage):
    space = workspace(max_steps=1, bridge={"name": "mlp", "norm": True}, train=["llm"], zero_stage=zero_stage)
    train(space)
    trained = load_file(space.root / "runs" / "mlp-1" / "model" / "model.safetensors")
    matrix = load_file(world / "llm" / "model.safetensors")["model.embed_tokens.weight"]
    for modality in ("image", "audio", "video"):
        weight = trained[f"fusion.bridges.{modality}.output_norm.weight"]
        torch.testing.assert_close(weight, matrix.square().mean().sqrt().expand(32), rtol=1e-5, atol=0)


def test_training_the_bridge_alone_leaves_the_llm_as_it_was(workspace, world):
    space = workspace(max_steps=2, train=["bridge", "begin_end_tokens"])
    train(space)
    trained = load_file(space.root / "runs" / "linear-1" / "model" / "model.safetensors")
    original = load_file(world / "llm" / "model.safetensors")
    assert torch.equal(trained["language_model.model.embed_tokens.weight"], original["model.embed_tokens.weight"])
    checkpoint = space.root / "runs" / "linear-1" / "checkpoints" / "step-00000002"
    assert sum(file.stat().st_size for file in checkpoint.iterdir()) < original["model.embed_tokens.weight"].nbytes


@pytest.mark.parametrize("stage", [0, 3])
def test_bf16_trains_on_a_cpu(workspace, stage):
    space = workspace(max_steps=2, precision="bf16", zero_stage=stage, gradient_checkpointing=True)
    train(space)
    trained = load_file(space.root / "runs" / "linear-1" / "model" / "model.safetensors")
    assert trained["language_model.model.embed_tokens.weight"].dtype == torch.bfloat16


def test_deterministic_kernels_are_asked_for_where_the_settings_say_so(workspace):
    for asked in (True, False):
        train(workspace(str(asked), max_steps=1, deterministic=asked))
        assert torch.are_deterministic_algorithms_enabled() == asked
        assert not torch.is_deterministic_algorithms_warn_only_enabled()  # attention kernels would only warn


def test_training_does_without_cudnns_attention_which_plans_for_every_shape(workspace, monkeypatch):
    from macaw_cli.training.steps import loop

    seen = []

    def step(*args, **options):
        seen.append(torch.backends.cuda.cudnn_sdp_enabled())
        return train_step(*args, **options)

    train_step = loop.train_step
    monkeypatch.setattr(loop, "train_step", step)
    train(workspace(max_steps=1))
    assert seen == [False]
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_conversations_that_are_left_out_are_told(workspace, capfd):
    from macaw_cli.training.training_inputs import prepare, tell_skipped

    space = workspace("all")
    inputs = prepare(space)
    for skipped, words in ((2, "2 conversations"), (20, "Warning: 25% of the conversations")):
        tell_skipped(replace(inputs, tokens=replace(inputs.tokens, skipped=skipped)))
        assert re.search(f"^{words} are left out: with training.max_length=", capfd.readouterr().err, re.M)
    too_short = workspace("short", max_length=sorted(inputs.tokens.lengths.tolist())[30] - 8)
    with pytest.raises(InputError, match=r"\d\d%.*training\.max_length="):
        plan_training(too_short)


def test_a_modality_whose_conversations_are_all_too_long_is_named(workspace, capfd):
    from macaw_cli.training.training_inputs import prepare, tell_skipped

    inputs = prepare(workspace())
    short = [row for row in inputs.rows if "video" not in {one.modality for one in row.media}]
    skipped = len(inputs.rows) - len(short)
    inputs = replace(inputs, tokens=replace(inputs.tokens, skipped=skipped))
    vars(inputs)["rows"] = short
    tell_skipped(inputs)
    told = capfd.readouterr().err
    assert re.search(r"^Warning: \d+% of the conversations, among them all with video, are left out", told, re.M)
    assert "training.max_length" in told


def test_resume_of_a_run_that_is_not_there_says_so_first(workspace, capfd):
    space = workspace(name="never", max_steps=1)
    train(space, resume=True)
    first = capfd.readouterr().err.splitlines()[0]
    assert first == f"No run {space.root / 'runs' / 'never'} to resume: starting a new one."


def test_what_is_no_weight_is_told(workspace, world):
    with pytest.raises(UsageError, match="dataset"):
        plan_training(workspace(datasets=[f"{world / 'dataset'}:x"]))


@pytest.mark.parametrize("stage", [2, 3])
def test_zero_stages_log_the_same_losses_as_no_zero(workspace, stage):
    plain, staged = workspace("plain", max_steps=3), workspace("staged", max_steps=3, zero_stage=stage)
    train(plain)
    train(staged)
    expected = losses(plain.root / "runs" / "linear-1")
    assert losses(staged.root / "runs" / "linear-1") == pytest.approx(expected, abs=1e-4)
    assert (staged.root / "runs" / "linear-1" / "model" / "model.safetensors").stat().st_size > 1e5


def test_a_second_training_takes_the_next_number_and_the_token_cache(workspace, capfd):
    space = workspace(max_steps=1)
    train(space)
    assert "Tokenising" in capfd.readouterr().err
    train(space)
    assert "Tokenising" not in capfd.readouterr().err
    assert sorted(path.name for path in (space.root / "runs").iterdir()) == [".tokens", "linear-1", "linear-2"]


def test_a_plan_prints_the_numbers_and_writes_no_run(workspace, capfd):
    space = workspace(train=["bridge", "begin_end_tokens"])
    assert plan_training(space) is None
    printed = capfd.readouterr().out
    for words in ("steps", "padding", "bridge parameters", "frozen", "memory per process"):
        assert words in printed
    assert not (space.root / "runs" / "linear-1").exists()


def test_a_missing_dataset_is_told_before_a_run_is_made(workspace, tmp_path):
    space = workspace(datasets=[str(tmp_path / "nowhere")])
    with pytest.raises(InputError):
        train(space)
    assert not (space.root / "runs").exists()


def test_a_dataset_of_another_encoder_is_refused_with_both_fingerprints(world, tmp_path):
    from macaw_cli.config.loading import open_workspace

    with pytest.raises(MismatchError, match=r"layer=-1.*layer=-2|layer=-2.*layer=-1"):
        train(
            open_workspace(
                world, ["features.image_encoder={model: tiny-clip, layer: -2}", f"training.runs={tmp_path / 'runs'}"]
            )
        )


def test_an_encoder_in_the_workspace_is_the_same_from_whatever_folder_the_command_is_typed(workspace, monkeypatch):
    from macaw_cli.config.loading import open_workspace

    space = workspace()
    (space.root / "models" / "tiny-clip").mkdir(parents=True)
    elsewhere = space.root / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    typed_elsewhere = open_workspace(space.root, ["features.image_encoder=models/tiny-clip", "training.max_steps=1"])
    assert plan_training(typed_elsewhere) is None


def test_as_published_trains_on_null_features_text_of_256_tokens_and_the_published_labels(workspace):
    """The shipped deviations, in the sequence that a training really reads, and in the model that it leaves."""
    from macaw_cli.model.folder import load_model
    from macaw_cli.training.data.batches import SequenceReader
    from macaw_cli.training.training_inputs import prepare

    settings = {"as_published": True, "max_length": 512, "bridge": "macaw", "max_steps": 1}
    space = workspace(**settings)
    inputs = prepare(space)
    config, tokenizer = inputs.config, inputs.tokenizer
    assert inputs.encoder.max_length == 256  # whatever the settings say
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    number = next(n for n, row in enumerate(inputs.rows) if not row.media)
    batch = reader.read((number,))
    ids, labels = batch.input_ids[0], batch.labels[0]
    nulls = {int(one) for one in ids if int(one) in set(config.null_token_ids.values())}
    assert nulls == set(config.null_token_ids.values())  # all three, on a conversation that has none
    text = ids[ids < tokenizer.vocab_size]
    assert len(text) <= 256
    learnt = labels[labels != -100].tolist()
    assert tokenizer.eos_token_id not in learnt
    answer = inputs.dataset.messages(inputs.rows[number])[-1]["content"]
    assert tokenizer.decode(learnt) == f":\n {answer} \n\n"[-len(tokenizer.decode(learnt)) :]
    assert tokenizer.decode(learnt).startswith(":")
    train(space)
    model, processor = load_model(space.root / "runs" / "macaw-1")
    assert model.config.null_features
    assert (processor.encoder.template, processor.encoder.max_length) == ("as_published", 256)


def test_a_run_that_continues_needs_no_room_for_the_checkpoints_that_it_has(workspace, monkeypatch, capfd):
    from macaw_cli.basics import disk
    from macaw_cli.training import run as room
    from macaw_cli.training.checkpoints.folder import size_of
    from macaw_cli.training.run_folder import RunFolder

    space = workspace(name="mine", max_steps=2, checkpoint_every=1)
    train(space)
    run = RunFolder(space.root / "runs" / "mine")
    asked = []
    monkeypatch.setattr(room, "require_free_space", lambda folder, needed, hint: asked.append(needed))
    for continued in (None, run):
        room._inputs(space, continued)
    assert asked[0] - asked[1] == size_of(run.checkpoints) > 0
    monkeypatch.undo()
    monkeypatch.setattr(disk, "free_space", lambda folder: 10)
    assert train(space, resume=True).steps == 2  # finished: it needs nothing
    assert "is finished already" in capfd.readouterr().err
    run.summary_file.unlink()
    with pytest.raises(ResourceError, match="are free there") as error:
        train(space, resume=True)
    assert "--set training.runs" in error.value.hint
