"""Views from the dataset to loss and evaluation, and what must agree with what."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_world import make_workspace, make_world, seconds_of, settings_tree

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.evaluate import evaluate_model
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.training.checkpoints.resume_checks import learning_settings
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.run import train
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """The same media with padding kept and with padding dropped, and without known durations."""
    made = {padding: tmp_path_factory.mktemp(padding) for padding in ("keep", "drop")}
    for padding, folder in made.items():
        make_world(folder, audio_padding=padding)
    return made


def viewing(world, folder, views, **training):
    """A workspace on the world's dataset with these views."""
    make_workspace(world, folder)
    tree = settings_tree(**training) | {"views": views, "llm": str(world / "llm")}
    tree["dataset"]["out"] = str(world / "dataset")
    return Workspace(folder, parse_settings(tree, "test"))


def read(inputs):
    """Tokens and features of every conversation, by its id."""
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    return {row.id: reader.read((number,)) for number, row in enumerate(inputs.rows)}


def test_trimming_kept_padding_gives_what_dropped_padding_gives(worlds, tmp_path):
    """Token ids and features, bit for bit, through the further operations too."""
    more = {"pool": 2, "layer_norm": True, "stack": 2}
    kept = prepare(viewing(worlds["keep"], tmp_path / "keep", {"audio": {"trim": True, **more}}))
    dropped = prepare(viewing(worlds["drop"], tmp_path / "drop", {"audio": more}))
    assert kept.config.feature_shapes == dropped.config.feature_shapes
    assert kept.config.feature_shapes["audio"][1] == 16
    a, b = read(kept), read(dropped)
    assert a.keys() == b.keys()
    for name, batch in a.items():
        assert torch.equal(batch.tokens, b[name].tokens), name
        assert batch.media.keys() == b[name].media.keys()
        for modality, block in batch.media.items():
            assert block.shapes == b[name].media[modality].shapes
            assert torch.equal(block.values, b[name].media[modality].values), (name, modality)
    assert len({block.shapes for batch in a.values() if (block := batch.media.get("audio"))}) > 1


def test_what_was_heard_is_what_is_read(worlds, tmp_path):
    trimmed = prepare(viewing(worlds["keep"], tmp_path / "a", {"audio": {"trim": True}}))
    whole = prepare(viewing(worlds["keep"], tmp_path / "b", {}))
    places = {row.id: row for row in whole.rows}
    for row in trimmed.rows:
        for ref, other in zip(row.media, places[row.id].media, strict=True):
            count = int(np.ceil(2 * seconds_of(ref.source))) if ref.modality == "audio" else other.shape[0]
            assert ref.shape == (count, *other.shape[1:])
            stored = whole.dataset.features(other)
            assert np.array_equal(trimmed.dataset.features(ref), stored[:count])
    assert trimmed.key != whole.key
    null = trimmed.dataset.null_features("audio")
    assert null.shape == (6, 8)


@pytest.mark.parametrize("bridge", ["linear", "macaw"])
def test_a_viewed_model_learns_and_is_asked(worlds, tmp_path, bridge):
    views = {
        "audio": {"trim": True, "stack": 2}, "image": {"pool": 3, "layer_norm": True}, "video": {"stack": 2},
    }  # fmt: skip
    space = viewing(worlds["keep"], tmp_path, views, bridge=bridge)
    inputs = prepare(space)
    assert {name: shape[-1] for name, shape in inputs.config.feature_shapes.items()} == {
        "image": 8, "audio": 16, "video": 16
    }  # fmt: skip
    model = new_model(space, inputs.config, inputs.dataset).train()
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    batch = reader.read(tuple(range(0, len(inputs.rows), 3)))
    loss = model(**batch.inputs(torch.device("cpu")), return_logits=False).loss
    loss.backward()
    assert loss.isfinite()
    together = evaluate_model(model.eval(), inputs.encoder, inputs.dataset, limit=2, batch_size=50)
    assert all({"real", "none"} <= question.right.keys() for question in together if question.row.media)


def test_evaluation_reads_a_dataset_through_the_views_of_the_trained_model(worlds, tmp_path):
    space = viewing(worlds["keep"], tmp_path, {"audio": {"trim": True, "stack": 3}}, name="one", max_steps=2)
    train(space)
    without = viewing(worlds["keep"], tmp_path / "other", {})  # the settings of now have no part in it
    figures = evaluate_folder(without, tmp_path / "runs/one/model")
    seen_from_the_workspace = {"model": "", "data": ""}
    assert figures | seen_from_the_workspace == evaluate_folder(space, None) | seen_from_the_workspace
    dropped = viewing(worlds["drop"], tmp_path / "drop", {})
    asked = replace(dropped.settings.evaluation, data=str(worlds["drop"] / "dataset"))
    with pytest.raises(MismatchError, match='audio_padding="drop"'):
        evaluate_folder(
            Workspace(dropped.root, replace(dropped.settings, evaluation=asked)), tmp_path / "runs/one/model"
        )


def test_trim_without_known_durations_is_refused_before_training(tmp_path):
    world = make_world(tmp_path / "world", audio_padding="keep")
    index = world / "dataset/index.jsonl"
    older, count = re.subn(r', "seconds": [\d.]+', lambda found: " " * len(found[0]), index.read_text())
    assert count == 12
    index.write_text(older)
    space = viewing(world, tmp_path / "space", {"audio": {"trim": True}})
    with pytest.raises(InputError, match=r"views\.audio\.trim.*audio/\S+\.wav"):
        prepare(space)
    prepare(viewing(world, tmp_path / "plain", {}))


def test_a_class_token_that_was_not_kept_cannot_be_dropped(worlds, tmp_path):
    with pytest.raises(UsageError, match=r"views\.image\.drop_cls"):
        prepare(viewing(worlds["keep"], tmp_path, {"image": {"drop_cls": True}}))


def test_another_view_is_another_training(worlds, tmp_path):
    one = learning_settings(viewing(worlds["keep"], tmp_path / "a", {}).settings)
    other = learning_settings(viewing(worlds["keep"], tmp_path / "b", {"audio": {"pool": 2}}).settings)
    assert {key for key in one if one[key] != other[key]} == {"views.audio.pool"}
