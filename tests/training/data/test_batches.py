"""A packed sequence as one row: positions restart with each conversation, media keep their order."""

import shutil
import threading
import time

import pytest
import torch

from macaw_cli.basics.errors import DamagedError
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.reader import READ_AHEAD, READ_AHEAD_BYTES, read_ahead
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model


@pytest.fixture
def parts(workspace):
    space = workspace()
    inputs = prepare(space)
    return space, inputs, SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)


def test_positions_start_again_and_media_follow_the_order_of_the_pack(parts):
    _, inputs, reader = parts
    with_image = [n for n, row in enumerate(inputs.rows) if row.media and row.media[0].modality == "image"][:2]
    batch = reader.read((with_image[1], with_image[0]))
    lengths = inputs.tokens.lengths[[with_image[1], with_image[0]]].tolist()
    assert batch.position_ids.tolist() == [[*range(lengths[0]), *range(lengths[1])]]
    assert batch.input_ids.shape == batch.labels.shape == (1, sum(lengths))
    expected = inputs.dataset.features(inputs.rows[with_image[1]].media[0])
    assert torch.equal(batch.features["image"][0], torch.from_numpy(expected))
    assert batch.labels[0, lengths[0]] == -100  # its predecessor belongs to the other conversation


def test_an_empty_pack_costs_nothing_and_moves_nothing(parts):
    space, inputs, reader = parts
    model = new_model(space, inputs.config, inputs.dataset).train()
    loss = model(**reader.read(()).inputs(torch.device("cpu")), num_supervised=100, return_logits=False).loss
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad is None or not p.grad.abs().sum() for p in model.parameters())


def test_media_of_one_modality_lie_behind_each_other_and_reach_the_model_in_its_number_format(parts):
    _, inputs, _ = parts
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.bfloat16)
    batch = reader.read(tuple(range(len(inputs.rows))))
    media = [ref for row in inputs.rows for ref in row.media]
    for modality, found in batch.inputs(torch.device("cpu")).items():
        if modality.endswith("_features"):
            stored = [inputs.dataset.features(ref) for ref in media if f"{ref.modality}_features" == modality]
            assert [part.dtype for part in found] == [torch.bfloat16] * len(stored)
            assert all(
                torch.equal(part, torch.from_numpy(one).bfloat16()) for part, one in zip(found, stored, strict=True)
            )
            assert len({part.untyped_storage().data_ptr() for part in found}) == 1


def test_a_batch_knows_where_its_media_and_supervised_tokens_stand(parts):
    _, inputs, _ = parts
    reader = SequenceReader(
        inputs.dataset, inputs.rows, inputs.tokens, torch.float32, torch.device("cpu"), inputs.config
    )
    for sequence in ((), (0,), tuple(range(len(inputs.rows)))):
        batch = reader.read(sequence)
        layout = batch.inputs(torch.device("cpu"))["layout"]
        assert layout.positions == batch.input_ids.numel()
        assert torch.equal(batch.input_ids.flatten()[layout.supervised[0] + 1], layout.supervised[1])
        for modality, places in layout.media.soft.items():
            expected = batch.input_ids[0] == inputs.config.soft_token_ids[modality]
            assert places.tolist() == expected.nonzero().flatten().tolist()


def test_reading_ahead_keeps_the_order(parts):
    _, inputs, reader = parts
    sequences = [(n,) for n in range(20)]
    batches = list(read_ahead(reader, sequences))
    assert [batch.input_ids.shape[1] for batch in batches] == inputs.tokens.lengths[:20].tolist()


def test_a_cut_shard_is_told_as_such_from_the_thread(parts, tmp_path):
    _, inputs, _ = parts
    ref = next(ref for row in inputs.rows for ref in row.media)
    copy = tmp_path / "dataset"
    shutil.copytree(inputs.dataset.folder, copy)
    dataset = TrainingDataset(copy)
    with (copy / ref.shard).open("r+b") as shard:
        shard.truncate(ref.offset + 1)
    reader = SequenceReader(dataset, inputs.rows, inputs.tokens, torch.float32)
    example = next(number for number, row in enumerate(inputs.rows) if ref in row.media)
    with pytest.raises(DamagedError, match=r"\.tar ends at byte"):
        list(read_ahead(reader, [(example,)]))


class SlowReader:
    """Counts how many sequences have been begun; each is as large as its number says."""

    def __init__(self):
        self.begun = 0

    def stored_bytes(self, sequence):
        return sequence[0]

    def read(self, sequence):
        self.begun += 1
        time.sleep(0.01)
        return sequence


class FailingReader(SlowReader):
    def read(self, sequence):
        if sequence == (2,):
            raise OSError("the disk is gone")
        return super().read(sequence)


def test_a_failing_read_reaches_the_training_once_and_in_its_place():
    batches = read_ahead(FailingReader(), [(1,), (2,), (1,), (1,)])
    assert next(batches) == (1,)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert list(batches) == []
    assert not reading_threads()


def test_only_a_few_packed_sequences_are_read_ahead():
    reader = SlowReader()
    batches = read_ahead(reader, [(1,)] * 50)
    for taken in range(1, 11):
        next(batches)
        time.sleep(0.005)
        assert reader.begun <= taken + READ_AHEAD
    batches.close()


def test_more_threads_read_as_many_packed_sequences_at_once():
    class MeetingReader(SlowReader):
        """Each read waits until as many run at once as there are threads."""

        def read(self, sequence):
            together.wait(timeout=10)
            return super().read(sequence)

    together = threading.Barrier(6)
    assert list(read_ahead(MeetingReader(), [(1,)] * 12, threads=6)) == [(1,)] * 12


def test_huge_packed_sequences_are_read_one_at_a_time():
    reader = SlowReader()
    batches = read_ahead(reader, [(READ_AHEAD_BYTES,)] * 5)
    for taken in range(1, 6):
        next(batches)
        time.sleep(0.02)
        assert reader.begun == taken
    assert list(batches) == []


def test_closing_drops_what_nobody_waits_for():
    reader = SlowReader()
    batches = read_ahead(reader, [(1,)] * 10_000)
    next(batches)
    started = time.monotonic()
    batches.close()
    assert time.monotonic() - started < 1.0
    assert reader.begun <= 1 + READ_AHEAD
    assert not reading_threads()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_for_a_gpu_features_stay_as_stored_in_pinned_memory(parts):
    _, inputs, on_cpu = parts
    device = torch.device("cuda")
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32, device)
    sequence = tuple(range(len(inputs.rows)))
    batch = reader.read(sequence)
    assert batch.tokens.is_pinned()
    for block in batch.media.values():
        assert block.values.is_pinned()
        assert block.values.dtype == torch.float16
    expected = on_cpu.read(sequence).inputs(torch.device("cpu"))
    for name, value in batch.inputs(device).items():
        pairs = zip(value, expected[name], strict=True)
        assert all(torch.equal(here.cpu(), there) for here, there in pairs)


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("macaw-read")]
