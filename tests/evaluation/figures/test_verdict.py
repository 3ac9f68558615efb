"""Each branch of the verdict and each remedy."""

from dataclasses import replace

import pytest

from macaw_cli.config.loading import parse_settings, settings_yaml
from macaw_cli.config.stages import peak_bridge_rate
from macaw_cli.config.training_settings import LEARNING_RATES
from macaw_cli.evaluation.figures.remedies import Circumstances, circumstances_of
from macaw_cli.evaluation.figures.verdict import verdicts
from macaw_cli.evaluation.presentation import verdict_lines
from macaw_cli.evaluation.run import peak_of

PLENTY = Circumstances(steps=5000, bridge_learning_rate=1e-3, losses=(1.0,) * 50, examples={"audio": 10_000})


def measured(value, low, high, *, n=100, **others):
    return {"n": n, "with_choices": n, "real": 0.5, "none": 0.2, "chance": 0.25, "retention": 0.4,
            "reliance": value, "ci95": [low, high], **others}  # fmt: skip


def free(value, low, high, *, n=100):
    return {"n": n, "with_choices": 0, "real": None, "none": None, "chance": None, "retention": None,
            "reliance": None, "ci95": None, "preference": value, "preference_ci95": [low, high]}  # fmt: skip


def verdict(figures, known=None, modality="audio"):
    return verdicts({"modalities": {modality: figures}}, known)[modality]


@pytest.mark.parametrize(
    ("figures", "category"),
    [
        (measured(0.93, 0.90, 0.96), "used"),
        (measured(0.31, 0.25, 0.38), "partly"),
        (measured(0.01, -0.06, 0.09), "not_used"),
        (measured(0.03, 0.01, 0.05, n=5000), "not_used"),  # sure, but next to nothing
        (measured(0.30, -0.10, 0.60), "unknown"),
        (measured(1.00, 1.00, 1.00, n=3), "unknown"),  # a bootstrap of three has no width
        (free(0.97, 0.93, 0.99), "used"),
        (free(0.62, 0.56, 0.68), "partly"),
        (free(0.50, 0.44, 0.56), "not_used"),
        (free(0.60, 0.40, 0.80), "unknown"),
    ],
)
def test_the_category_follows_value_and_interval(figures, category):
    assert verdict(figures)["category"] == category


def test_preference_tells_where_reliance_cannot():
    unsure, seen = measured(0.06, -0.08, 0.23), {"preference": 0.73, "preference_ci95": [0.60, 0.83]}
    assert verdict(unsure)["category"] == "not_used"
    assert verdict(unsure | seen)["category"] == "partly"
    assert verdict(measured(0.3, -0.1, 0.6) | seen)["category"] == "partly"
    assert verdict(measured(0.01, -0.06, 0.09) | seen)["category"] == "not_used"  # reliance is sure


def test_the_text_has_measure_value_and_interval():
    used, not_used = verdict(measured(0.93, 0.90, 0.96)), verdict(free(0.5, 0.44, 0.56))
    assert used["text"] == "The model uses its audio: reliance 0.93 [0.90, 0.96], 100 questions."
    assert "does not use its audio: preference 0.50 [0.44, 0.56]" in not_used["text"]
    assert used["remedies"] == []


def test_preference_counts_where_most_questions_have_no_choices():
    mostly_free = measured(0.9, 0.8, 1.0, n=100, preference=0.5, preference_ci95=[0.4, 0.6]) | {"with_choices": 10}
    assert verdict(mostly_free)["measure"] == "preference"
    assert verdict(mostly_free | {"with_choices": 60})["measure"] == "reliance"


def test_only_questions_that_were_asked_with_both_media_count():
    few = measured(0.93, 0.90, 0.96) | {"paired": 9}
    assert (verdict(few)["category"], verdict(few)["n"]) == ("unknown", 9)
    assert "reliance 0.93 [0.90, 0.96], 9 questions." in verdict(few)["text"]
    few = free(0.97, 0.93, 0.99) | {"preference_n": 1}
    assert (verdict(few)["category"], verdict(few)["n"]) == ("unknown", 1)
    assert "preference 0.97 [0.93, 0.99], 1 question." in verdict(few)["text"]


def test_figures_of_older_runs_have_a_verdict_too():
    old = {"n": 100, "real": 0.9, "none": 0.2, "swapped": 0.1, "chance": 0.2, "reliance": 0.8, "ci95": [0.7, 0.9]}
    assert verdict(old)["category"] == "used"


def test_where_nothing_could_be_swapped_nothing_can_be_told():
    found = verdict(measured(None, None, None) | {"ci95": None})
    assert (found["category"], found["measure"], found["value"]) == ("unknown", None, None)
    assert "different answers" in found["text"]
    assert verdicts({}) == {}


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Circumstances(5000, bridge_trained=False), "training.train"),
        (Circumstances(66), "66 optimizer steps"),
        (Circumstances(5000, bridge_learning_rate=3e-5), "3e-05"),
        (Circumstances(5000, padding={"audio": 0.95}), "95%"),
        (Circumstances(5000, losses=tuple(10.0 - 0.1 * n for n in range(50))), "still falling"),
        (Circumstances(5000, examples={"audio": 120}), "120 training examples"),
    ],
)
def test_a_remedy_comes_from_what_is_known_of_the_training(known, words):
    (remedy,) = verdict(measured(0.01, -0.06, 0.09), known)["remedies"]
    assert words in remedy


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Circumstances(66), "raise epochs of the stages `bridge` and `lora`, or"),
        (Circumstances(66),
         "smaller (training.global_batch_size and global_batch_size of the stage `lora`, training.sequence_length)"),
        (Circumstances(5000, bridge_trained=False), "to train of the stages `bridge` and `lora`."),
        (Circumstances(5000, bridge_learning_rate=3e-5),
         "set training.groups.bridge.learning_rate and groups.bridge.learning_rate of the stage `bridge` to 0.001."),
        (Circumstances(5000, losses=tuple(10.0 - 0.1 * n for n in range(50))), "raise epochs of the stages"),
    ],
)  # fmt: skip
def test_a_remedy_names_the_stages_that_have_a_value_of_their_own(known, words):
    stages = (
        {"name": "bridge", "epochs": 2, "train": ["bridge"], "groups": {"bridge": {"learning_rate": 1e-4}}},
        {"name": "lora", "epochs": 1, "train": ["llm"], "global_batch_size": 4, "groups": None},
    )
    (remedy,) = verdict(measured(0.01, -0.06, 0.09), replace(known, stages=stages))["remedies"]
    assert words in remedy


def test_questions_that_need_no_media_are_told():
    answerable = measured(0.01, -0.06, 0.09, real=0.80, none=0.79, retention=0.99)
    assert "0.79 without, 0.80 with" in verdict(answerable, PLENTY)["remedies"][0]
    at_chance = measured(0.01, -0.06, 0.09, real=0.26, none=0.25, retention=0.96)
    assert "without, " not in verdict(at_chance, PLENTY)["remedies"][0]


def test_there_are_three_remedies_at_most_and_one_at_least():
    everything = Circumstances(10, bridge_trained=False, bridge_learning_rate=1e-6, examples={"audio": 3})
    assert len(verdict(measured(0.0, -0.1, 0.1), everything)["remedies"]) == 3
    for known in (PLENTY, None):
        assert len(verdict(measured(0.0, -0.1, 0.1), known)["remedies"]) == 1
    assert "dataset.val_fraction" in verdict(measured(0.3, -0.2, 0.8))["remedies"][0]


def test_the_log_of_a_run_tells_steps_rates_and_losses():
    rows = [
        {"step": 10, "loss": 2.0, "learning_rates": {"bridge": 1e-4, "bridge (no decay)": 2e-4, "llm": 1e-2}},
        {"step": 10, "validation": {"loss": 1.0}},
        {"step": 20, "loss": 1.0, "learning_rates": {"llm": 1e-2}},
    ]
    known = circumstances_of(rows, {"audio": 5}, {"audio": 0.9})
    assert (known.steps, known.bridge_trained, known.bridge_learning_rate) == (20, True, 2e-4)
    assert (known.losses, known.examples) == ((2.0, 1.0), {"audio": 5})
    assert not circumstances_of([{"step": 1, "loss": 1.0, "learning_rates": {"llm": 1.0}}], {}, {}).bridge_trained
    assert circumstances_of([], {}, {}).bridge_trained


def test_the_learning_rate_that_was_set_counts_and_not_that_of_the_last_steps():
    rows = [{"step": 5, "loss": 2.0, "learning_rates": {"bridge": 1e-4}}]
    assert circumstances_of(rows, {}, {}, peak=1e-3).bridge_learning_rate == 1e-3
    stages = [{"name": "a", "train": ["bridge"], "learning_rate": 2.5e-4}, {"name": "b", "train": ["llm"]}]
    training = parse_settings({"training": {"stages": stages, "learning_rate": 1e-2}}, "test").training
    peak = peak_bridge_rate(training)
    assert peak == 2.5e-4
    known = circumstances_of([{"step": 5000}], {}, {}, peak=peak)
    (remedy,) = verdict(measured(0.01, -0.06, 0.09), known)["remedies"]
    assert "0.00025, below 0.0003" in remedy


def test_the_peak_of_a_run_is_read_from_its_settings(tmp_path):
    assert peak_of(tmp_path) is None
    (tmp_path / "settings.yaml").write_text(settings_yaml(parse_settings({"training": {"max_steps": 5}}, "test")))
    assert peak_of(tmp_path) == LEARNING_RATES["bridge"]
    (tmp_path / "settings.yaml").write_text("bridge: of-a-package\n")
    assert peak_of(tmp_path) is None


def test_questions_without_a_finite_likelihood_are_told():
    figures = {"modalities": {"image": {"non_finite": 1}, "audio": {"non_finite": 2}, "video": {}}}
    assert "3 questions" in verdict_lines(figures)[-1]
    assert verdict_lines({"modalities": {"image": {"non_finite": 0}, "audio": {}}}) == []
