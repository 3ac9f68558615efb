"""A training that goes on with an imported InstructBLIP, whose Q-Former reads the questions in tokens of its own."""

import json

import pytest
import tiny_checkpoints
import torch
import yaml
from exporting import same, stock_answers_of, written
from interrupted_run import interrupt
from torch.nn.functional import cross_entropy

from macaw_cli.basics.errors import UsageError
from macaw_cli.chat.run import Request, chat
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.evaluate import evaluate_model
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.run import export_model
from macaw_cli.features.extract import extract
from macaw_cli.model.folder import load_model
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.data.instruction_source import InstructionSource
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.start_settings import with_start

FILE = "image_instruction_tokenizer.json"
TRAINING = {
    "start_from": "imported", "max_steps": 2, "sequence_length": 128, "global_batch_size": 2, "max_length": 64,
    "precision": "fp32", "device": "cpu", "evaluate_every": 2, "log_every": 1, "report": False, "checkpoint_every": 1,
}  # fmt: skip


def question(number):
    return f"What noise is it, {number}?"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A workspace with a tiny InstructBLIP, imported, and a dataset of features of its own encoder."""
    folder = tmp_path_factory.mktemp("space")
    original, processor = tiny_checkpoints.instructblip(folder / "original")
    report = import_family(family("instructblip"), folder / "original", folder / "imported")
    (folder / "media").mkdir()
    rows = []
    for number in range(12):
        tiny_checkpoints.image(number).save(folder / "media" / f"{number}.png")
        talk = [
            {"role": "user", "content": question(number)}, {"role": "assistant", "content": f"noise {number % 3}"},
        ]  # fmt: skip
        rows.append({"id": f"q{number}", "kind": "noise", "choices": [f"noise {one}" for one in range(3)],
                     "image": [f"media/{number}.png"], "messages": talk})  # fmt: skip
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    tree = {"dataset": {"sources": ["jsonl:rows.jsonl"], "val_fraction": 0.3}, "training": TRAINING}
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    extract(open_workspace(folder, [word for word in report.extraction if "=" in word]), ["media"])
    build_dataset(open_workspace(folder))
    return folder, original, processor


@torch.no_grad()
def original_loss(original, processor, number, answer_ids):
    """Summed loss of an answer in the class of transformers, from pixels and text."""
    image = tiny_checkpoints.image(number)
    inputs = processor(text=question(number), images=image, return_tensors="pt")
    answer = torch.tensor([answer_ids])
    ids = torch.cat([inputs.input_ids, answer], dim=1)
    rest = {name: inputs[name] for name in ("pixel_values", "qformer_input_ids", "qformer_attention_mask")}
    logits = original(input_ids=ids, **rest).logits[0, -len(answer_ids) - 1 : -1]
    return float(cross_entropy(logits, answer[0], reduction="sum"))


def test_packed_training_begins_with_the_originals_loss_and_gives_a_whole_model(started, capfd):
    folder, original, processor = started
    space = open_workspace(folder, ["training.name=whole"])
    opened = with_start(space)
    inputs = prepare(opened)
    step = plan_stage(inputs, opened.settings.training, opened.settings.seed)[0]
    assert any(len(sequence) > 1 for sequence in step.sequences)  # several questions in one row
    total, count = 0.0, 0
    for example in (example for sequence in step.sequences for example in sequence):
        _, labels = inputs.tokens.conversation(example)
        answer = labels[labels != -100].tolist()
        total += original_loss(original, processor, int(inputs.rows[example].id.removeprefix("q")), answer)
        count += len(answer)
    train(space)
    run = folder / "runs" / "whole"
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    assert first == pytest.approx(total / count, rel=1e-3)  # features are rounded to fp16
    model, processor = load_model(run)
    before, _ = load_model(folder / "imported")
    assert model.config.instruction_tokenizers == before.config.instruction_tokenizers
    assert (run / "model" / FILE).read_bytes() == (folder / "imported" / FILE).read_bytes()
    assert not model.config.line_behind_media
    for name in ("text.words.weight", "q_former.layers.0.text_part.rise.weight", "projection.weight"):
        name = f"fusion.bridges.image.{name}"
        assert not torch.equal(model.state_dict()[name], before.state_dict()[name])
    capfd.readouterr()
    chat(space, Request(run, {"image": [str(folder / "media" / "0.png")]}, prompt=question(0), as_json=True))
    assert "answer" in json.loads(capfd.readouterr().out)
    report = export_model(open_workspace(folder, ["export.out=exported"]), run)
    assert report.proof.largest_difference <= 1e-5
    assert (folder / "exported" / FILE).is_file()
    again = train(open_workspace(folder, ["training.start_from=exported", "training.name=again"]))
    assert again.steps == 2


def test_a_resumed_training_ends_in_the_same_weights(started, monkeypatch):
    folder, _, _ = started
    train(open_workspace(folder, ["training.name=straight"]))
    space = open_workspace(folder, ["training.name=resumed"])
    interrupt(space, monkeypatch)
    for file in (folder / "runs" / "resumed" / "checkpoints" / "step-00000002").glob("*.pt"):
        file.unlink()  # cut: it goes on behind the first step
    train(space, resume=True)
    one, other = (load_model(folder / "runs" / name)[0].state_dict() for name in ("straight", "resumed"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def losses_of(run):
    return [row["loss"] for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if "loss" in row]


@pytest.mark.parametrize("stage", [2, 3])
def test_a_split_training_has_the_losses_of_a_whole_one_and_its_model_the_original_class(started, stage):
    folder, _, _ = started
    if not (folder / "runs" / "straight" / "model").is_dir():
        train(open_workspace(folder, ["training.name=straight"]))
    run = folder / "runs" / f"zero-{stage}"
    train(open_workspace(folder, [f"training.zero_stage={stage}", f"training.name={run.name}"]))
    expected = losses_of(run.with_name("straight"))
    assert len(expected) == 2 and losses_of(run) == pytest.approx(expected, rel=1e-4)
    assert (run / "model" / FILE).read_bytes() == (folder / "imported" / FILE).read_bytes()
    source, kind = written(folder, "instructblip", run / "model", folder / f"stock-{stage}")
    same(source, stock_answers_of(kind, source, folder / f"stock-{stage}"))


def test_evaluation_scores_answers_as_the_original_does(started):
    folder, original, processor = started
    model, own = load_model(folder / "imported")
    dataset = TrainingDataset(folder / "dataset")
    found = evaluate_model(model, own.encoder, dataset, limit=None, batch_size=4)
    assert len(found) >= 2
    for one in found:
        number = int(one.row.id.removeprefix("q"))
        ids = [own.encoder.response_ids(text) for text in one.candidates]
        expected = [-original_loss(original, processor, number, answer) for answer in ids]
        assert one.scores["real"] == pytest.approx(expected, rel=1e-3)


def test_an_example_that_ends_with_an_earlier_answer_keeps_the_questions_of_its_media(started):
    folder, _, _ = started
    model, own = load_model(folder / "imported")
    content = {"image": ["media/0.png", "media/1.png", "media/2.png"], "id": "several", "messages": [
        {"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "It."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "How many?"}]},
        {"role": "assistant", "content": "Many."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "The noise?"}]},
        {"role": "assistant", "content": "Noise."},
    ]}  # fmt: skip
    (folder / "several.jsonl").write_text(json.dumps(content) + "\n")
    settings = ["dataset.sources=[jsonl:several.jsonl]", "dataset.out=several", "dataset.val_fraction=0"]
    build_dataset(open_workspace(folder, settings))
    dataset = TrainingDataset(folder / "several")
    [row] = dataset.conversations("train")
    source = InstructionSource(dataset, model.config)
    media = [("image", ref.shape) for ref in row.media]
    expected = own.encoder.encode(content["messages"], media).instructions["image"]
    assert len({tuple(ids) for ids in expected}) == 3
    for count in (3, 2, 1):
        shorter = type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"media": row.media[:count]})
        [block] = source.blocks([shorter], pinned=False).values()
        assert [ids.tolist() for ids in block.split()] == list(expected[:count])
    assert source.blocks([], pinned=False) == {}


def test_pairs_of_media_and_texts_are_refused_where_the_q_former_has_words_of_its_own(started):
    folder, _, _ = started
    stages = "training.stages=[{name: pairs, objective: media-text, train: [bridge]}, {name: last}]"
    with pytest.raises(UsageError, match=r"stages\[0\]\.objective"):
        train(open_workspace(folder, [stages, "training.name=pairs"]))
