"""From a published checkpoint to a training that goes on with it: import, features, dataset, training, chat."""

import json

import pytest
import tiny_checkpoints
import tiny_stock_models
import torch
import yaml
from torch.nn.functional import cross_entropy

from macaw_cli.chat.run import Request, chat
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.export.families.registry import FAMILIES, family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.run import export_model
from macaw_cli.features.extract import extract
from macaw_cli.model.extraction_settings import extraction_settings
from macaw_cli.model.folder import load_model
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.start_settings import with_start

TRAINING = {
    "start_from": "llava", "max_steps": 2, "sequence_length": 512, "global_batch_size": 2, "max_length": 256,
    "precision": "fp32", "device": "cpu", "evaluate_every": None, "log_every": 1, "report": False,
}  # fmt: skip


PUBLISHED = [name for name in FAMILIES if name != "gemma3"]
"""Of Gemma 3 only what `macaw export` wrote is imported: see tests/export/test_gemma3.py."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_encoder_inside_an_imported_model_makes_the_features_it_was_made_for(name, tmp_path):
    makers = {**vars(tiny_checkpoints), **vars(tiny_stock_models)}
    makers[name.replace("-", "_")](tmp_path / "original")
    import_family(family(name), tmp_path / "original", tmp_path / "out")
    config = load_model(tmp_path / "out")[0].config
    (modality,) = config.modalities
    found = extraction_settings(config, tmp_path / "out")
    assert found[f"features.{modality}_encoder.model"] == str(tmp_path / "out")
    settings = open_workspace(None, [f"{key}={json.dumps(value)}" for key, value in found.items()]).settings.features
    load = load_image_encoder if modality == "image" else load_audio_encoder
    encoder = load(settings.encoder_of(modality), str(tmp_path / "out"), "cpu", settings.precision)
    assert {**encoder.fingerprint, "model": ""} == {**config.fingerprints[modality], "model": ""}


@pytest.fixture
def started(tmp_path):
    """A workspace with a tiny LLaVA, imported as `llava`, and a dataset of features of its own encoder."""
    original, _ = tiny_checkpoints.llava(tmp_path / "original")
    report = import_family(family("llava"), tmp_path / "original", tmp_path / "llava")
    (tmp_path / "media").mkdir()
    rows = []
    for number in range(12):
        tiny_checkpoints.image(number).save(tmp_path / "media" / f"{number}.png")
        talk = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": f"noise {number % 3}"}]
        rows.append({"id": f"q{number}", "image": [f"media/{number}.png"], "messages": talk})
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    tree = {"dataset": {"sources": ["jsonl:rows.jsonl"], "val_fraction": 0.2}, "training": TRAINING}
    (tmp_path / "macaw.yaml").write_text(yaml.safe_dump(tree))
    words = report.extraction
    extract(open_workspace(tmp_path, [word for word in words if "=" in word]), ["media"])
    space = open_workspace(tmp_path)
    build_dataset(space)
    return space, original


@torch.no_grad()
def original_loss(original, space):
    """Loss of the first step in the class of transformers, from pixels."""
    space = with_start(space)
    inputs = prepare(space)
    assert inputs.template == "chat"
    step = plan_stage(inputs, space.settings.training, space.settings.seed)[0]
    ours, processor = load_model(space.root / "llava")
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    total, count = 0.0, 0
    for example in (example for sequence in step.sequences for example in sequence):
        batch = reader.read((example,))
        number = int(inputs.rows[example].id.removeprefix("q"))
        soft, labels = ours.config.soft_token_ids["image"], batch.labels
        ids = torch.where(batch.input_ids == soft, original.config.image_token_id, batch.input_ids)
        pixels = processor.image_processor(images=[tiny_checkpoints.image(number)], return_tensors="pt").pixel_values
        logits = original(input_ids=ids, pixel_values=pixels).logits[:, :-1]
        total += float(cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum"))
        count += int((labels != -100).sum())
    return total / count


def test_a_training_goes_on_with_an_imported_llava(started, capfd):
    space, original = started
    report = train(space)
    assert report.run == "mlp-1"
    run = space.root / "runs" / "mlp-1"
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    assert first == pytest.approx(original_loss(original, space), rel=1e-3)  # features are rounded to fp16
    model, processor = load_model(run)
    before, own = load_model(space.root / "llava")
    assert model.image_encoder is None and model.config.surrounding_ids == before.config.surrounding_ids
    assert model.config.begin_end_ids == {} and processor.encoder.template == "chat"
    assert processor.tokenizer.get_vocab() == own.tokenizer.get_vocab()
    for name in ("fusion.bridges.image.projection.0.weight", "language_model.lm_head.weight"):
        assert not torch.equal(model.state_dict()[name], before.state_dict()[name])
    capfd.readouterr()
    chat(space, Request(run, {"image": [str(space.root / "media" / "0.png")]}, prompt="What is it?", as_json=True))
    assert "answer" in json.loads(capfd.readouterr().out)
    assert export_model(open_workspace(space.root, ["export.out=whole"]), run).proof.largest_difference <= 1e-5
    assert train(open_workspace(space.root, ["training.start_from=whole"])).run == "mlp-2"
