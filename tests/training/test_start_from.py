"""A training that starts from a model goes on with all of it, and gives new bridges to what the model lacks."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from interrupted_run import whole_and_interrupted
from safetensors.torch import load_file

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.loading import Workspace, open_workspace, parse_settings
from macaw_cli.model.folder import load_model
from macaw_cli.planning.run import plan_training
from macaw_cli.training.run import train
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.start_settings import with_start

QUICK = {"max_steps": 2, "checkpoint_every": 2}


def losses(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def with_images_only(world, folder):
    """The dataset of the world's questions about images."""
    from macaw_cli.dataset.build import build_dataset

    rows = [line for line in (world / "questions.jsonl").read_text().splitlines() if '"image": ["' in line]
    questions = folder / "images.jsonl"
    questions.write_text("".join(f"{row}\n" for row in rows))
    sections = {"sources": [f"jsonl:{questions}"], "features": [str(world / "features")], "out": str(folder / "images")}
    build_dataset(Workspace(folder, parse_settings({"dataset": {**sections, "val_fraction": 0.15}}, "test")))
    return folder / "images"


@pytest.fixture(scope="module")
def images(world, tmp_path_factory):
    return with_images_only(world, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def finished(world, tmp_path_factory):
    """A finished run with a bridge for each modality; not to be changed."""
    from tiny_world import make_workspace

    space = make_workspace(world, tmp_path_factory.mktemp("finished"), bridge="mlp", template="chat", **QUICK)
    train(space)
    return space.root / "runs" / "mlp-1"


@pytest.fixture(scope="module")
def of_images(world, images, tmp_path_factory):
    """The same of images only."""
    from tiny_world import make_workspace

    space = make_workspace(world, tmp_path_factory.mktemp("of-images"), bridge="mlp", datasets=[str(images)], **QUICK)
    train(space)
    return space.root / "runs" / "mlp-1"


@pytest.fixture
def starting(workspace):
    """`starting(run, ...)`: a workspace that starts from a run, without an LLM or a bridge of its own."""

    def make(run, at="second", **training):
        space = workspace(at, **{"bridge": "macaw", **QUICK, "start_from": str(run), **training})
        return Workspace(space.root, replace(space.settings, llm=""))

    return make


def begun(space):
    """The model before its first step, and its inputs."""
    space = with_start(space)
    inputs = prepare(space)
    return new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer).eval(), inputs


def test_all_weights_and_the_designs_are_those_of_the_run(finished, starting):
    space = starting(finished)
    model, inputs = begun(space)
    before, processor = load_model(finished)
    expected = before.state_dict()
    found = model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert inputs.template == processor.encoder.template == "chat"
    assert inputs.config.text_identity() == before.config.text_identity()


def test_the_first_loss_is_that_of_the_run_and_the_new_run_is_named_after_its_bridges(finished, starting):
    from macaw_cli.training.data.batches import SequenceReader
    from macaw_cli.training.schedule.stage_plan import plan_stage

    space = starting(finished)
    report = train(space)
    assert report.run == "mlp-1"
    started = with_start(space)
    inputs = prepare(started)
    step = plan_stage(inputs, started.settings.training, started.settings.seed)[0]
    model, _ = load_model(finished)
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    total, count = 0.0, 0
    for example in (example for sequence in step.sequences for example in sequence):
        batch = reader.read((example,))
        with torch.no_grad():
            total += float(model(**batch.inputs(torch.device("cpu")), num_supervised=1).loss)
        count += int((batch.labels != -100).sum())
    run = space.root / "runs" / "mlp-1"
    assert losses(run)[0] == pytest.approx(total / count, rel=1e-5)
    before, after = (load_file(folder / "model" / "model.safetensors") for folder in (finished, run))
    assert before.keys() == after.keys()
    name = "fusion.bridges.image.projection.0.weight"
    assert not torch.equal(before[name], after[name])


@pytest.mark.parametrize("options", [{"zero_stage": 3}, {"zero_stage": 2}, {"gradient_checkpointing": True}])
def test_every_way_to_hold_the_weights_begins_with_the_same_loss(options, finished, starting):
    plain, other = starting(finished, "plain"), starting(finished, "other", **options)
    train(plain)
    train(other)
    expected = losses(plain.root / "runs" / "mlp-1")
    assert losses(other.root / "runs" / "mlp-1") == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("stage", [0, 3])
def test_a_start_may_be_trained_in_16_bits(stage, finished, starting):
    space = starting(finished, precision="bf16", zero_stage=stage)
    train(space)
    assert losses(space.root / "runs" / "mlp-1")[0] == pytest.approx(losses(finished)[-1], rel=0.3)


def test_an_adapter_of_the_run_is_part_of_the_llm_and_a_new_one_may_be_trained(workspace, starting):
    pytest.importorskip("peft")
    first = workspace("first", bridge="mlp", adapter={"kind": "lora", "rank": 2}, learning_rate=1e-2, **QUICK)
    train(first)
    run = first.root / "runs" / "mlp-1"
    model, _ = begun(starting(run))
    expected = load_file(run / "model" / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in expected.items())
    again = starting(run, adapter={"kind": "lora", "rank": 2})
    train(again)
    second = again.root / "runs" / "mlp-1" / "model"
    assert json.loads((second / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == str(run)


@pytest.mark.parametrize("injection", ["gated-cross-attention", "plora", "lavin", "llama-adapter-v2"])
def test_an_injection_goes_on_as_well(injection, workspace, starting):
    section = {"name": injection} | ({"every": 1, "heads": 2, "head_dim": 8} if injection.startswith("gated") else {})
    first = workspace("first", injection=section, **QUICK)
    train(first)
    run = first.root / "runs" / "linear-1"
    model, inputs = begun(starting(run))
    assert inputs.config.injection_settings.name == injection
    expected = load_file(run / "model" / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in expected.items())


def test_a_modality_that_the_model_lacks_gets_a_new_bridge(of_images, starting):
    space = starting(of_images, bridge="linear", datasets=[])
    with pytest.raises(UsageError, match=r"bridge\.image is linear.*mlp"):
        train(space)
    space = starting(of_images, bridge={"audio": "linear"})
    model, inputs = begun(space)
    designs = {name: inputs.config.bridge_settings(name).name for name in inputs.config.modalities}
    assert designs == {"image": "mlp", "audio": "linear", "video": "macaw"}
    before = load_file(of_images / "model" / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    assert train(space).run == "mlp-linear-macaw-1"


def test_a_bridge_whose_modality_the_dataset_lacks_stays_in_the_model(finished, images, starting):
    space = starting(finished, datasets=[str(images)])
    train(space)
    before, after = (load_file(run / "model" / "model.safetensors") for run in (finished, space.root / "runs/mlp-1"))
    assert before.keys() == after.keys()
    audio = [name for name in before if name.startswith("fusion.bridges.audio.")]
    assert audio and all(torch.equal(before[name], after[name]) for name in audio)


def test_a_run_that_starts_from_a_model_resumes_to_the_same_bytes(workspace, finished, monkeypatch):
    settings = {"bridge": "mlp", "start_from": str(finished), "max_steps": 4, "train": ["bridge"], "name": "linear-1"}
    whole, interrupted, space = whole_and_interrupted(workspace, monkeypatch, **settings)
    with pytest.raises(MismatchError, match=r"training\.start_from"):
        train(workspace("interrupted", **settings | {"start_from": str(finished / "model")}), resume=True)
    train(space, resume=True)
    one, other = (run / "model" / "model.safetensors" for run in (whole, interrupted))
    assert one.read_bytes() == other.read_bytes()


def test_a_model_that_was_changed_is_refused_at_a_resume(workspace, finished, monkeypatch, tmp_path):
    copy = shutil.copytree(finished / "model", tmp_path / "copy")
    settings = {"bridge": "mlp", "start_from": str(copy), "max_steps": 2, "name": "linear-1"}
    *_, space = whole_and_interrupted(workspace, monkeypatch, **settings)
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(MismatchError, match="llm was"):
        train(space, resume=True)


def test_the_published_form_goes_on_with_its_null_features(workspace, starting):
    first = workspace("first", as_published=True, max_length=512, bridge="macaw", **QUICK)
    train(first)
    run = first.root / "runs" / "macaw-1"
    with pytest.raises(UsageError, match="as_published=true"):
        train(starting(run))
    model, inputs = begun(starting(run, as_published=True))
    before = load_file(run / "model" / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    assert inputs.template == "as_published"


def test_an_llm_in_the_settings_is_told_not_to_be_read_and_a_plan_can_be_made(finished, workspace, capfd):
    space = workspace(bridge="mlp", start_from=str(finished), **QUICK)
    plan_training(space)
    printed = capfd.readouterr()
    assert "`llm` is not read" in printed.err and "bridge parameters" in printed.out
    assert "not measured" not in printed.out
    assert with_start(space, quiet=True).settings.llm == ""  # a run records none that it did not read


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"bridge": "linear"}, UsageError, r"bridge\.image is linear.*mlp"),
        ({"bridge": {"name": "mlp", "layers": 3}}, UsageError, r"bridge\.image\.layers is 3.*2"),
        ({"injection": "plora"}, UsageError, r"injection is plora.*none"),
        ({"start_from": "nowhere"}, InputError, "no model"),
        ({"as_published": True}, UsageError, "as_published=false"),
    ],
)
def test_what_does_not_go_with_the_model_is_one_message(settings, error, words, finished, starting):
    with pytest.raises(error, match=words):
        train(starting(finished, **settings))


def test_a_view_that_the_model_was_not_trained_with_is_refused(finished, starting):
    space = starting(finished)
    changed = parse_settings({"views": {"image": {"pool": 2}}}, "test").views
    with pytest.raises(UsageError, match=r"views\.image"):
        train(Workspace(space.root, replace(space.settings, views=changed)))


def test_an_llm_is_no_model_to_start_from(world, starting):
    with pytest.raises(InputError, match="llama"):
        train(starting(world / "llm"))


def test_a_model_without_a_tokenizer_is_told(finished, starting, tmp_path):
    copy = shutil.copytree(finished / "model", tmp_path / "copy")
    (copy / "processor_config.json").unlink()
    with pytest.raises(InputError, match="tokenizer"):
        train(starting(copy))


def test_features_of_another_encoder_are_refused_with_the_command_for_the_right_ones(finished, starting, tmp_path):
    copy = shutil.copytree(finished / "model", tmp_path / "copy")
    content = json.loads((copy / "config.json").read_text())
    content["fingerprints"]["image"] |= {"weights": "99", "layer": -2}
    content["encoders"]["image"] |= {"model": "openai/clip", "layer": -2}
    (copy / "config.json").write_text(json.dumps(content))
    with pytest.raises(MismatchError, match="layer=-1") as caught:
        train(starting(copy))
    assert "features.image_encoder.model=openai/clip" in caught.value.hint
    assert "features.image_encoder.layer=-2" in caught.value.hint


def test_weights_in_several_files_are_read(finished, starting, tmp_path):
    model, processor = load_model(finished)
    model.save_pretrained(tmp_path / "parts", max_shard_size="50KB")
    processor.save_pretrained(tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    found = begun(starting(tmp_path / "parts"))[0].state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in model.state_dict().items())


def test_weights_that_are_missing_are_told(finished, starting, tmp_path):
    from safetensors.torch import save_file

    copy = shutil.copytree(finished / "model", tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    for name in ("fusion.bridges.image.projection.0.weight", "language_model.model.norm.weight"):
        less = {key: tensor for key, tensor in weights.items() if key != name}
        save_file(less, copy / "model.safetensors", {"format": "pt"})
        with pytest.raises(MismatchError, match=name.removeprefix("language_model.")):
            begun(starting(copy))


def test_designs_are_not_compared_from_a_trained_model(finished, starting):
    from macaw_cli.comparison.request import request_of
    from macaw_cli.comparison.run import compare

    space = starting(finished)
    overrides = [f"training.start_from={finished}"]
    with pytest.raises(UsageError, match=r"training\.start_from"):
        request = request_of(["mlp", "linear"], [], None, [], config=space.root, overrides=overrides)
        compare(request, space.root / "a.html")


def test_the_option_is_meant_from_the_current_folder(finished, workspace, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from macaw_cli.main import app

    space = workspace("there", bridge="mlp", **QUICK)
    monkeypatch.chdir(finished.parent)
    done = CliRunner().invoke(app, ["train", "--config", str(space.root), "--start-from", finished.name, "--run", "x"])
    assert done.exit_code == 0, done.output
    named = open_workspace(space.root / "runs" / "x" / "settings.yaml").settings.training.start_from
    assert (space.root / named).resolve() == finished.resolve()
