"""A pack as one row: positions start again with each conversation, media keep their order, empty packs are safe."""

import pytest
import torch

from macaw_cli.training.batches import PackReader, read_ahead
from macaw_cli.training.materials import prepare
from macaw_cli.training.model_setup import new_model


@pytest.fixture
def parts(workspace):
    space = workspace()
    materials = prepare(space, space.path(space.settings.dataset.out))
    return space, materials, PackReader(materials.dataset, materials.rows, materials.tokens, torch.float32)


def test_positions_start_again_and_media_follow_the_order_of_the_pack(parts):
    _, materials, reader = parts
    with_image = [n for n, row in enumerate(materials.rows) if row.media and row.media[0].modality == "image"][:2]
    batch = reader.read((with_image[1], with_image[0]))
    lengths = materials.tokens.lengths[[with_image[1], with_image[0]]].tolist()
    assert batch.position_ids.tolist() == [[*range(lengths[0]), *range(lengths[1])]]
    assert batch.input_ids.shape == batch.labels.shape == (1, sum(lengths))
    expected = materials.dataset.features(materials.rows[with_image[1]].media[0])
    assert torch.equal(batch.features["image"][0], torch.from_numpy(expected).float())
    assert batch.labels[0, lengths[0]] == -100  # its predecessor belongs to the other conversation


def test_an_empty_pack_costs_nothing_and_moves_nothing(parts):
    space, materials, reader = parts
    model = new_model(space, materials.config, materials.dataset).train()
    loss = model(**reader.read(()).inputs(torch.device("cpu")), num_supervised=100, return_logits=False).loss
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad is None or not p.grad.abs().sum() for p in model.parameters())


def test_reading_ahead_keeps_the_order(parts):
    _, materials, reader = parts
    packs = [(n,) for n in range(20)]
    batches = list(read_ahead(reader, packs))
    assert [batch.input_ids.shape[1] for batch in batches] == materials.tokens.lengths[:20].tolist()


def test_a_failing_read_reaches_the_training(parts):
    _, _, reader = parts
    with pytest.raises(IndexError):
        list(read_ahead(reader, [(0,), (10_000,)]))
