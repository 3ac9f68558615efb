"""Which conversations of a packed sequence are pairs of a medium and a text, and what stands in where none are."""

import torch

from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.pairs import TEXT_TOKENS, PairReader
from macaw_cli.training.training_inputs import prepare

FIRST = 256


def readers(workspace):
    inputs = prepare(workspace())
    parts = inputs.dataset, inputs.rows, inputs.tokens, torch.float32
    return inputs, PairReader(*parts, channels={"image": 8, "video": 8}, first_id=FIRST), SequenceReader(*parts)


def examples(inputs, modality):
    return [number for number, row in enumerate(inputs.rows) if [ref.modality for ref in row.media] == [modality]]


def test_each_medium_and_each_answer_counts_once(workspace):
    inputs, reader, rows = readers(workspace)
    images = examples(inputs, "image")
    batch = reader.read(tuple(images))
    block = batch.blocks["image"]
    texts = [tuple(row[mask].tolist()) for row, mask in zip(block.ids, block.text_mask, strict=True)]
    assert len(set(texts)) == len(texts) == block.pairs == batch.targets
    answers = set()
    for number in images:
        labels = rows.read((number,)).labels[0]
        answers.add((FIRST, *labels[labels != -100].tolist()))
    assert set(texts) == {text[:TEXT_TOKENS] for text in answers}
    for text, medium in zip(texts, block.media.split(), strict=True):
        assert any(torch.equal(medium, rows.read((n,)).features["image"][0]) for n in images), text
    assert reader.read((*images, *images)).digest == batch.digest


def test_where_nothing_can_be_compared_two_of_nothing_stand_in(workspace):
    inputs, reader, _ = readers(workspace)
    one, audio = examples(inputs, "image")[0], examples(inputs, "audio")[0]
    for sequence in ((), (one,), (one, audio), (one, one)):
        batch = reader.read(sequence)
        assert batch.targets == 0
        for block in batch.blocks.values():
            assert block.pairs == 0 and block.text_mask.all() and block.ids.shape == (2, 2)
            assert [tuple(medium.shape) for medium in block.media.split()] == [(1, 8)] * 2


def test_a_text_is_cut(workspace):
    inputs, _, _ = readers(workspace)
    reader = PairReader(
        inputs.dataset, inputs.rows, inputs.tokens, torch.float32, channels={"image": 8}, first_id=FIRST
    )
    long = max(range(len(inputs.tokens)), key=lambda number: inputs.tokens.supervised_counts[number])
    ids, labels = inputs.tokens.conversation(long)
    answer = ids[labels != -100].tolist()
    assert reader._text(long) == (FIRST, *answer[: TEXT_TOKENS - 1])
