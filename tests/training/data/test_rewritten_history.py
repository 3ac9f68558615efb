"""Where a chat template rewrites the history, every answer is still learnt once, with the media that it has seen."""

from dataclasses import replace

import chat_templates
import numpy as np
import pytest
import tiny_macaw

from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.training.data.tokenised import Encoded, JoinedConversations, chained, example_rows, from_encoded
from macaw_cli.training.data.tokenising import encode_rows
from macaw_cli.training.training_inputs import prepare


def encoded(*lengths, media=()):
    ids = [np.arange(length, dtype=np.int32) for length in lengths]
    return [Encoded(one, one > 0, media[: len(ids) - at]) for at, one in enumerate(ids)]


def test_examples_keep_their_conversation_and_the_first_of_its_media(workspace):
    rows = prepare(workspace()).dataset.conversations("train")
    row = next(one for one in rows if one.media)
    name = row.media[0].modality
    tokens = from_encoded([encoded(5, 3, media=[name] * len(row.media)), encoded(1), encoded(4)])
    assert tokens.numbers.tolist() == [0, 0, 2]
    assert tokens.skipped == 1
    assert tokens.lengths.tolist() == [5, 3, 4]
    whole = chained([tokens, tokens], [3, 3])
    joined = JoinedConversations([whole, tokens], [0, 6])
    assert joined.numbers.tolist() == [0, 0, 2, 3, 3, 5, 6, 6, 8]
    assert joined.media_counts.sum(axis=1).tolist()[:3] == [len(row.media), min(1, len(row.media)), 0]
    two = replace(row, media=(row.media[0], row.media[0]))
    counts = from_encoded([encoded(5, 3, media=[name, name])])
    assert [len(one.media) for one in example_rows([two], counts)] == [2, 1]


@pytest.mark.parametrize("name", ["thinks-always", "chatml"])
def test_conversations_of_one_turn_are_one_example_each(workspace, name):
    inputs = prepare(workspace())
    tokenizer = tiny_macaw.byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = chat_templates.TEMPLATES[name]
    rows = inputs.dataset.conversations("train")[:5]
    tokens = encode_rows(inputs.dataset, rows, ConversationEncoder(tokenizer, inputs.config, "chat", 2048))
    assert tokens.numbers.tolist() == [0, 1, 2, 3, 4]
    assert [one.media for one in example_rows(rows, tokens)] == [row.media for row in rows]
