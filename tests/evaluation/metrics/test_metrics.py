"""Every text metric on answers whose values can be counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.config.text_metrics import LOWER_IS_BETTER
from macaw_cli.evaluation.metrics.registry import METRICS, OF_REFERENCES, measure_answers, metrics_of
from macaw_cli.evaluation.metrics.rouge_l import longest_common_subsequence

texts = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.mark.parametrize(
    ("metric", "reference", "answer", "value"),
    [
        ("exact_match", "The red circle.", "red circle", 1.0),
        ("exact_match", "red circle", "circle red", 0.0),
        ("token_f1", "a red circle at the left", "The circle is red", 0.5714),  # 2 of 4 and of 3 words
        ("token_f1", "red", "blue", 0.0),
        ("token_f1", "the", "", 1.0),  # nothing is left of either
        ("rouge_l", "police killed the gunman", "police kill the gunman", 0.75),  # Lin 2004, section 3.1
        ("rouge_l", "police killed the gunman", "the gunman kill police", 0.5),
        ("rouge_l", "", "word", 0.0),
        ("wer", "It's one, two three.", "it's one four three", 0.25),
        ("wer", "one", "one and two more", 3.0),
        ("cer", "abcd", "abxd", 0.25),
        ("wer", "", "", 0.0),
        ("cer", "हिन्दी में", "हन्द में", 0.2),  # vowel signs count: 2 of 10 characters
        ("wer", "हिन्दी में", "हन्द में", 0.5),
        ("rouge_l", "हिन्दी में।", "हिन्दी में", 1.0),
        ("rouge_l", "हिन्दी", "हन्द", 0.0),
        ("exact_match", "हिन्दी।", "हिन्दी", 1.0),
        ("cer", "ที่นี่", "ทนี่", 0.3333),  # Thai: 2 of 6
        ("rouge_l", "ที่นี่ ดี", "ที่นี่ ดี", 1.0),
        ("wer", "cafe\u0301 noir", "caf\u00e9 noir", 0.0),  # NFD and NFC
        ("exact_match", "cafe\u0301", "caf\u00e9", 1.0),
        ("token_f1", "cafe\u0301", "caf\u00e9", 1.0),
        ("rouge_l", "cafe\u0301", "caf\u00e9", 1.0),
        ("wer", "It\u2019s \u201cone\u201d.", "it's one", 0.0),
        ("exact_match", "It\u2019s one", "it's one", 1.0),
        ("rouge_l", "don\u2019t", "don't", 1.0),
        ("bleu", "a red ball on the grass", "a red ball on the grass", 1.0),
        ("bleu", "red", "red", 0.0),  # no four words
        ("wer", "'one' two", "one two", 0.0),  # quotation marks are no apostrophes
        ("wer", "5 + 3 = 8", "5 3 8", 0.0),
        ("mae", "12, 14", "13, 12.5, 99", 1.25),
        ("mae", "12, 14", "12", 1.0),  # cannot be read: as the mean of the references
        ("mae", "10", "8\n9\n14", 1.0),  # the median of three samples
        ("crps", "10", "8", 2.0),
        ("crps", "10", "8\n9\n14", 1.0),  # 7/3 - 24/18
        ("crps", "1, 2", "1\n3", 0.5),  # one sample on two lines
        ("missing_rate", "12, 14", "about 12", 1.0),
        ("missing_rate", "12, 14", "12 and then 14", 0.0),
        ("mae", "none", "red", 0.0),
    ],
)
def test_one_answer(metric, reference, answer, value):
    assert measure_answers(metric, [(reference, answer)]) == value


def test_error_rates_are_those_of_the_whole_corpus():
    assert measure_answers("wer", [("one two three", "one two three"), ("four", "five")]) == 0.25
    assert measure_answers("token_f1", [("one two three", "one two three"), ("four", "five")]) == 0.5


@pytest.mark.parametrize("metric", METRICS)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_any_text_has_a_value_and_a_repeated_reference_the_best_one(metric, pairs):
    value = measure_answers(metric, pairs)
    assert value >= 0
    if metric in OF_REFERENCES:  # 10 is CIDEr's; both need several words, or several answers, to be more than 0
        assert value <= 10
        return
    assert metric in LOWER_IS_BETTER or value <= 1
    best = measure_answers(metric, [(reference, reference) for reference, _ in pairs])
    assert best == (0.0 if metric in LOWER_IS_BETTER else 1.0)


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_the_longest_common_subsequence_is_that_of_the_definition(first, second):
    def longest(a, b):
        if not a or not b:
            return 0
        return 1 + longest(a[1:], b[1:]) if a[0] == b[0] else max(longest(a[1:], b), longest(a, b[1:]))

    assert longest_common_subsequence(first, second) == longest(first, second)


@pytest.mark.parametrize(
    ("kind", "chosen", "names"),
    [
        ("audio/transcribe", {}, ("wer", "cer")),
        ("Transcription", {}, ("wer", "cer")),
        ("image/caption", {}, ("token_f1", "rouge_l", "exact_match")),
        ("image/caption", {"image/*": "rouge_l", "*": "wer"}, ("rouge_l",)),
        ("audio/words", {"image/*": "rouge_l", "*": "wer"}, ("wer",)),
        ("audio/transcribe", {"audio/*": "auto"}, ("wer", "cer")),
        ("librispeech_ASR-1", {}, ("wer", "cer")),
        ("speech_to_text", {}, ("wer", "cer")),
        ("Speech-to-text", {}, ("wer", "cer")),
        ("image/laserasrange", {}, ("token_f1", "rouge_l", "exact_match")),
        ("image/transcriptome", {}, ("token_f1", "rouge_l", "exact_match")),
        ("series/forecast", {}, ("mae", "crps", "missing_rate")),
    ],
)
def test_a_kind_gets_the_metric_that_was_chosen_or_one_that_fits_its_name(kind, chosen, names):
    assert metrics_of(kind, chosen) == names
