"""The card of a dataset: what the hub reads of it, and whose it is."""

import pytest
import yaml

from macaw_cli.reports.dataset_card import dataset_card, is_own_card

WORDS = {"conversations": 4, "turns": 5, "instruction_words": 51, "response_words": 78}
LOCK = {
    "macaw": "1.2.3",
    "counts": {"train": {"conversations": 1500}, "val": {"conversations": 1}},
    "fingerprints": {"image": {"model": "clip"}, "video": {"model": "clip"}},
    "sources": [{"file": "a|b.jsonl", "format": "llava", "count": 5, "fill": True, "sha256": "ab" * 32, "train": 4,
                 "texts": WORDS}],
    "filters": {"valid row": 3, "length": 12},
    "filter_settings": [{"name": "length", "max_answer_words": 9}],
    "texts": {"media": {"image": WORDS}, "kinds": {"<script>": WORDS}},
    "shards": [{"name": "train-000000.tar"}],
}
GENERATOR = {"model": "writer", "prompts": "abc", "kinds": {"counting": {"requests": 1, "accepted": 2}}}


def parts(**more):
    card = dataset_card(LOCK | more).decode()
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_front_matter_is_what_the_hub_knows():
    front, _ = parts()
    assert front["license"] == "unknown"
    assert front["size_categories"] == ["1K<n<10K"]
    assert front["task_categories"] == ["visual-question-answering", "image-text-to-text", "video-text-to-text"]
    assert "synthetic" not in front["tags"]
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "train-*.tar"}]


def test_the_tables_have_means_options_and_filters_with_their_settings():
    _, body = parts()
    assert "| image | 4 | 5 | 10.2 | 15.6 |" in body
    assert "| length | max\\_answer\\_words=9 | 12 |" in body
    assert "| a\\|b.jsonl | llava | \\#5+ | 4 | 0 | 0 | 10.2 | 15.6 | abababab |" in body


def test_names_are_never_markup():
    _, body = parts()
    assert "<script>" not in body and "\\<script\\>" in body


def test_a_model_that_wrote_examples_is_named_with_its_prompts():
    front, body = parts(generator=GENERATOR)
    assert "synthetic" in front["tags"]
    assert "writer, wrote 2 examples in 1 reply" in body and "abc" in body


@pytest.mark.parametrize("change", [lambda card: card + b"More.\n", lambda card: card.replace(b"unknown", b"mit"),
                                    lambda card: b"# My own", lambda card: card[:-1], lambda card: b""])  # fmt: skip
def test_a_card_is_macaws_own_until_somebody_changes_it(change):
    card = dataset_card(LOCK)
    assert is_own_card(card) and card == dataset_card(dict(LOCK))
    assert not is_own_card(change(card))
