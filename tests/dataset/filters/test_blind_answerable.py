"""Answers that a text-only model knows without the media: found by the gain in likelihood, dropped or tagged."""

import pytest
from filter_rows import about, said

from macaw_cli.config.filters.blind_answerable import BlindAnswerableSettings
from macaw_cli.config.filters.grounded import GroundedSettings
from macaw_cli.dataset.filters import gain
from macaw_cli.dataset.filters.blind_answerable import BlindAnswerableFilter
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.filters.gain import GainScorer
from macaw_cli.dataset.filters.grounded import GroundedFilter

CAPTIONS = ["a brown dog on a lawn"]


class ReaderOfDescriptions:
    """Takes 1 nat per word of an answer, 0 for a word that the prompt has, and knows the sky."""

    def __init__(self, source, device):
        self.source = source

    def log_likelihoods(self, pairs):
        return [
            (-float(sum(word not in f"{prompt} blue".split() for word in answer.split())), len(answer.split()))
            for prompt, answer in pairs
        ]


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    from macaw_cli.inference import text_scoring

    monkeypatch.setattr(text_scoring, "TextScorer", ReaderOfDescriptions)


def test_the_gain_is_the_difference_per_token_over_all_turns():
    rows = [
        about("What is it?", "dog", captions=CAPTIONS),
        about("What is it?", "dog sleeping", captions=CAPTIONS),
        about("How is the sky?", "blue", captions=CAPTIONS),
        about("What is it?", "dog"),
        {**said("What?", "dog", "Where?", "on a lawn"), "captions": CAPTIONS},
    ]
    assert GainScorer("m", "cpu", Surroundings()).gains(rows) == [1.0, 0.5, 0.0, None, 1.0]


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_conversations_without_gain_are_found_in_any_batch(batch_size):
    one = BlindAnswerableFilter(BlindAnswerableSettings(model="m", batch_size=batch_size), Surroundings())
    answers = ["dog", "blue", "blue", "lawn", "blue"]
    for number, answer in enumerate(answers):
        one.see(about("What?", answer, captions=CAPTIONS if number != 2 else []))
    one.see(about("What?", "blue", captions=CAPTIONS, kind="unanswerable"))
    found = list(one.findings())
    assert [finding.number for finding in found] == [1, 4]
    assert all(finding.reason and not finding.tag for finding in found)


def test_in_a_plan_nothing_is_scored(capsys, monkeypatch):
    monkeypatch.setattr(GainScorer, "_scored", None)
    one = BlindAnswerableFilter(BlindAnswerableSettings(model="m", batch_size=1), Surroundings(asks=False))
    one.see(about("How is the sky?", "blue", captions=CAPTIONS))
    assert list(one.findings()) == []
    assert "1 conversations" in capsys.readouterr().err


def test_they_may_be_tagged_instead():
    one = BlindAnswerableFilter(BlindAnswerableSettings(model="m", action="tag"), Surroundings())
    one.see(about("How is the sky?", "blue", captions=CAPTIONS))
    assert [finding.tag for finding in one.findings()] == ["blind-answerable"]


def test_a_grounded_answer_needs_the_gain_as_well_where_a_model_is_named():
    row = about("Is the dog brown or black?", "brown", captions=["a brown or black dog"])
    assert GroundedFilter(GroundedSettings(), Surroundings()).reason(row) == ""
    assert "+0.00" in GroundedFilter(GroundedSettings(model="m", min_gain=0.1), Surroundings()).reason(row)


def test_a_model_is_a_folder_of_the_workspace_or_a_hub_id(tmp_path):
    (tmp_path / "llm").mkdir()
    assert gain.GainScorer("llm", "cpu", Surroundings(folder=tmp_path))._source == str(tmp_path / "llm")
    assert gain.GainScorer("org/llm", "cpu", Surroundings(folder=tmp_path))._source == "org/llm"
