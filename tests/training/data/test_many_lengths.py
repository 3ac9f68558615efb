"""Media of many lengths (long audio files in windows, NaFlex images) from the dataset to loss and evaluation."""

import numpy as np
import pytest
import torch
from tiny_world import SHAPES, make_workspace, make_world

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.evaluate import evaluate_model
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_config import feature_shapes, require_settings_encoders
from macaw_cli.training.tuning.model_setup import new_model


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("uneven"), many_lengths=True)


@pytest.mark.parametrize("bridge", ["linear", "mlp", "macaw"])
def test_every_bridge_learns_from_and_is_asked_about_media_of_many_lengths(uneven, tmp_path, bridge):
    space = make_workspace(uneven, tmp_path, bridge=bridge)
    inputs = prepare(space)
    lengths = {ref.shape[0] for row in inputs.rows for ref in row.media if ref.modality == "audio"}
    assert len(lengths) > 2
    model = new_model(space, inputs.config, inputs.dataset).train()
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    batch = reader.read(tuple(range(0, len(inputs.rows), 3)))
    for modality, media in batch.features.items():
        placed = int((batch.input_ids == inputs.config.soft_token_ids[modality]).sum())
        assert placed == sum(soft_token_count(inputs.config, modality, medium.shape) for medium in media)
    loss = model(**batch.inputs(torch.device("cpu")), return_logits=False).loss
    loss.backward()
    assert loss.isfinite()
    model.eval()
    together = evaluate_model(model, inputs.encoder, inputs.dataset, limit=2, batch_size=50)
    alone = evaluate_model(model, inputs.encoder, inputs.dataset, limit=2, batch_size=1)
    assert [question.answers for question in together] == [question.answers for question in alone]
    assert any("swapped" in question.right for question in together if question.row.media)


def test_a_typical_medium_has_the_median_length(uneven, tmp_path):
    space = make_workspace(uneven, tmp_path)
    inputs = prepare(space)
    rows = inputs.dataset.conversations("train")
    tokens = sorted(ref.shape[0] for row in rows for ref in row.media if ref.modality == "audio")
    assert feature_shapes(inputs.dataset)["audio"] == (tokens[(len(tokens) - 1) // 2], 8)
    assert feature_shapes(inputs.dataset)["video"] == (2, 4, 8)
    assert np.ptp(tokens) > 0
    assert feature_shapes(inputs.dataset, null_features=True)["audio"] == SHAPES["audio"]


def test_settings_that_pool_and_a_dataset_that_does_not_are_told(world, tmp_path):
    from macaw_cli.config.loading import parse_settings
    from macaw_cli.shards.training_dataset import TrainingDataset

    dataset = TrainingDataset(world / "dataset")
    plain = {"version": 1, "features": {"image_encoder": {"model": "tiny-clip"}}}
    require_settings_encoders(Workspace(tmp_path, parse_settings(plain, "test")), dataset)
    pooled = {"version": 1, "features": {"image_encoder": {"model": "tiny-clip", "pool": "2x2"}}}
    with pytest.raises(MismatchError, match=r"pool=none.*pool=\"2x2\""):
        require_settings_encoders(Workspace(tmp_path, parse_settings(pooled, "test")), dataset)
