"""What counts as asked in another way, and what becomes of an evaluation that was."""

import json
import shutil
from dataclasses import fields, replace

import pytest

from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.earlier_evaluations import asked_with, same_asked
from macaw_cli.evaluation.run import evaluate_folder

NO_CHANGE = {
    "data", "limit", "generate",  # stand in `asked`
    "batch_size", "device", "metrics", "max_reject_ratio",  # of the same answers
    "tasks",  # are asked instead
}  # fmt: skip


def asked(settings, *, judged=False, seed=0):
    return asked_with(Workspace(None, parse_settings({"seed": seed, "evaluation": settings}, "")), judged=judged)


@pytest.mark.parametrize(
    ("used", "changed"),
    [
        ({}, {"max_new_tokens": 5}),
        ({}, {"samples": 3}),
        ({}, {"constraints": {"count": "integer"}}),
        ({"samples": 3}, {"metrics": {"say": "crps"}}),  # whose answers are sampled
        ({"shots": 2}, {"demonstration_pool": 7}),
        ({"shots": 2}, {"demonstrations": "nearest"}),
        ({"shots": 2}, {"permutations": 2}),
        ({"reasoning": "one-prompt"}, {"reasoning_prompt": "Think."}),
        ({"reasoning": "one-prompt"}, {"answer_prompt": "Answer."}),
        ({"reasoning": "one-prompt"}, {"answer_pattern": "so (.*)"}),
        ({"reasoning": "one-prompt"}, {"reasoning_tokens": 7}),
        ({"reasoning": "rationale-then-answer", "generate": 1}, {"max_new_tokens": 5}),
        ({}, {"reasoning": "one-prompt"}),
        ({}, {"shots": 2}),
    ],
)
def test_what_changes_answers_is_another_way(used, changed):
    assert asked({**used, **changed}) != asked(used)
    now = {"asked": 1, "asked_with": asked(used)}
    assert same_asked(json.loads(json.dumps(now)), now)  # earlier figures are read from a file


@pytest.mark.parametrize(
    ("used", "changed"),
    [
        ({}, {"metrics": {"say": "wer"}}),
        ({}, {"batch_size": 2}),
        ({"generate": 0}, {"max_new_tokens": 5}),
        ({}, {"demonstration_pool": 7}),
        ({}, {"reasoning_prompt": "Think."}),
    ],
)
def test_what_changes_none_is_the_same_way(used, changed):
    assert asked({**used, **changed}) == asked(used)


def test_the_seed_counts_where_it_draws_demonstrations_and_the_judge_where_it_judges():
    assert asked({}, seed=1) == asked({})
    assert asked({"shots": 1}, seed=1) != asked({"shots": 1})
    one, other = ({"judge": {"model": "m", "temperature": heat}} for heat in (0.0, 1.0))
    assert asked(one, judged=True) != asked(other, judged=True) != asked({}) == asked(other)


def test_every_setting_is_known_to_change_answers_or_not(tmp_path):
    """A new setting of `evaluation` must be put into one of the two."""
    (tmp_path / "choices.txt").write_text("a\nb\n")
    every = {
        "max_new_tokens": 5, "samples": 3, "constraints": {"a": "number"}, "choices": "choices.txt", "shots": 2,
        "judge": {"model": "m"}, "reasoning": "one-prompt", "reasoning_prompt": "a", "answer_prompt": "b",
        "answer_pattern": "(a)", "reasoning_tokens": 3, "demonstrations": "nearest", "demonstration_pool": 4,
        "permutations": 2,
    }  # fmt: skip
    workspace = Workspace(tmp_path, parse_settings({"evaluation": every}, ""))
    assert asked_with(workspace, judged=True).keys() == every.keys()
    assert {field.name for field in fields(EvaluationSettings)} == {*every, *NO_CHANGE}


def test_answers_of_another_length_are_kept_beside_the_new_ones(trained, tmp_path):
    run = tmp_path / "short"
    shutil.copytree(trained.path("runs/short"), run)

    def evaluated(**settings):
        evaluation = replace(trained.settings.evaluation, limit=1, **settings)
        evaluate_folder(replace(trained, settings=replace(trained.settings, evaluation=evaluation)), run)
        return (run / "evaluation/answers.jsonl").read_bytes()

    long = evaluated(max_new_tokens=8)
    assert evaluated(max_new_tokens=8, metrics={"*": "rouge_l"}) == long
    assert '"token_f1"' not in (run / "evaluation/figures.json").read_text()
    assert not (run / "evaluation/earlier-1").exists()
    assert evaluated(max_new_tokens=1) != long
    assert (run / "evaluation/earlier-1/answers.jsonl").read_bytes() == long
