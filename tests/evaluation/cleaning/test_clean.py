"""The questions that need their media, and the training examples that can be guessed, as files that are read again."""

import json
import math
from pathlib import Path

import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.cleaning.clean import clean_lines
from macaw_cli.evaluation.cleaning.clean_folder import require_clean_folder
from macaw_cli.evaluation.cleaning.clean_subset import clean_conversations, kept_per_modality, needs_media
from macaw_cli.evaluation.cleaning.guessable import guessed, guessed_by_frequency, surely
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.evaluation.run import evaluate_folder, evaluation_of
from macaw_cli.inference.branches import BranchScore
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow, MediaRef


def asked(answer="red", *, right=None, likelihood=None, choices=("red", "blue"), name="q", turn=1, words="?", tokens=1):
    media = (MediaRef("video", "k", (2, 2, 4), "float16", "s", 0, 32, source="v.mp4"),
             MediaRef("audio", "k", (2, 4), "float16", "s", 0, 16, soundtrack_of=0, source="v.mp4"))  # fmt: skip
    row = ConversationRow(name, "val", "what", list(choices) or None, media, (), "s", "t", 0, 0)
    messages = [{"role": "user", "content": words}, {"role": "assistant", "content": answer}] * turn
    return HeldOut(row, messages, right=right or {}, likelihood=likelihood or {}, turn=turn, turns=2, tokens=tokens)


@pytest.mark.parametrize(
    ("real", "none", "told", "kept"),
    [(1, 0, 0, True), (0, 0, 0, False), (1, 1, 0, False), (1, 0, 1, False), (1, 1, 1, False)],
)
def test_a_question_with_choices_is_kept_where_it_is_right_with_its_media_only(real, none, told, kept):
    assert needs_media(asked(right={"real": bool(real), "none": bool(none), "told": bool(told)})) == kept


@pytest.mark.parametrize(
    ("likelihood", "kept"),
    [
        ({"real": -1.0, "none": -2.0, "told": -2.0, "swapped": -2.0}, True),
        ({"real": -1.0, "none": -2.0, "told": -2.0}, True),
        ({"real": -1.0, "none": -2.0, "told": -2.0, "swapped": -0.5}, False),
        ({"real": -1.0, "none": -2.0, "told": -1.0}, False),
        ({"real": -1.0, "none": math.nan, "told": -2.0}, False),
        ({"real": -1.0}, False),
    ],
)
def test_one_without_choices_is_kept_where_its_answer_is_likelier_with_its_media(likelihood, kept):
    assert needs_media(asked(choices=(), likelihood=likelihood)) == kept


def test_a_conversation_goes_up_to_its_last_answer_that_needs_media():
    yes, no = ({"real": right, "none": False, "told": False} for right in (True, False))
    rows = clean_conversations([
        asked(right=yes, name="a"), asked(right=yes, name="a", turn=2),
        asked(right=yes, name="b"), asked(right=no, name="b", turn=2), asked(right=no, name="c"),
    ])  # fmt: skip
    assert [(row["id"], len(row["messages"])) for row in rows] == [("a", 4), ("b", 2)]
    assert rows[0]["video"] == ["v.mp4"]
    assert "audio" not in rows[0]  # a soundtrack comes with its video
    assert kept_per_modality([asked(right=yes), asked(right=no)]) == {"video": {"asked": 2, "kept": 1}}


def test_the_usual_answer_to_the_same_words_is_guessable():
    questions = [asked("red") for _ in range(9)] + [asked("blue")] + [asked("red", words="other") for _ in range(5)]
    found = guessed_by_frequency(questions)
    assert list(found) == list(range(9))
    reason, share = found[0]
    assert share == 0.9 and "0.90 of 10" in reason
    assert guessed_by_frequency([asked("red")] * 6 + [asked("blue")] * 4) == {}


def test_the_model_guesses_where_it_is_surer_than_half_way_to_certainty():
    assert (surely(2), surely(4)) == (0.75, 0.625)

    def scores(*probabilities, greedy=True):
        return [BranchScore(math.log(one), greedy) for one in probabilities]

    assert guessed(asked("red"), scores(0.8, 0.2)) == pytest.approx(0.8)
    assert guessed(asked("red"), scores(0.7, 0.3)) is None
    assert guessed(asked("blue"), scores(0.8, 0.2)) is None
    assert guessed(asked("red it is", choices=(), tokens=2), scores(0.64)) == pytest.approx(0.8)
    assert guessed(asked("red it is", choices=(), tokens=2), scores(0.25)) is None
    assert guessed(asked("red it is", choices=(), tokens=2), scores(0.64, greedy=False)) is None


def test_the_folder_is_written_and_a_dataset_is_built_of_it(trained, tmp_path, monkeypatch):
    needs_media = "macaw_cli.evaluation.cleaning.clean_subset.needs_media"
    monkeypatch.setattr(needs_media, lambda one: one.row.kind == "image/colour")
    out = tmp_path / "clean"
    drawn = []
    monkeypatch.setattr("macaw_cli.evaluation.run.write_plot", lambda _, path: drawn.append(path.write_bytes(b"")))
    judged = [{"asked": 1}]
    figures = evaluate_folder(trained, trained.path("runs/short"), out, lambda answered: judged.pop())
    assert len(drawn) == 1 and figures["judging"] == {"asked": 1}  # the plot is drawn once
    assert json.loads(trained.path("runs/short/evaluation/figures.json").read_text()) == figures
    assert {path.name for path in out.iterdir()} >= {"clean.json", "clean.jsonl", "guessable.jsonl"}
    report = json.loads((out / "clean.json").read_text())
    assert report["modalities"] == figures["clean"]["modalities"]
    assert report["model"] == "runs/short/model"
    rows = [json.loads(line) for line in (out / "clean.jsonl").read_text().splitlines()]
    assert len(rows) == report["modalities"]["image"]["kept"] == figures["clean"]["conversations"] > 0
    assert figures["clean"]["training"]["image"]["read"] == 20
    for row in map(json.loads, (out / "guessable.jsonl").read_text().splitlines()):
        assert row.keys() == {"id", "turn", "kind", "modality", "answer", "reason", "likelihood"}
        assert 0.5 < row["likelihood"] <= 1
    assert any("build-dataset" in line for line in clean_lines(figures["clean"]))
    world = Path(trained.settings.dataset.out).parent
    tree = {"dataset": {"sources": [f"jsonl:{out / 'clean.jsonl'}"], "features": [str(world / "features")]}}
    build_dataset(Workspace(tmp_path, parse_settings(tree, "test")))
    built = TrainingDataset(tmp_path / "dataset").conversations("val")
    before = {row.id: row for row in TrainingDataset(Path(trained.settings.dataset.out)).conversations("val")}
    assert [row.id for row in built] == [row["id"] for row in rows]
    for row in built:
        assert [ref.key for ref in row.media] == [ref.key for ref in before[row.id].media]
        assert (row.kind, row.choices, row.tags) == (before[row.id].kind, before[row.id].choices, before[row.id].tags)


def test_a_foreign_folder_an_input_and_a_newer_format_are_refused(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("mine")
    with pytest.raises(InputError, match=r"letter\.txt"):
        evaluate_folder(trained, trained.path("runs/short"), tmp_path / "mine")
    with pytest.raises(InputError, match="source"):
        require_clean_folder(tmp_path / "new", [tmp_path])
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer/clean.json").write_text('{"format_version": 99}')
    with pytest.raises(MismatchError, match="99"):
        require_clean_folder(tmp_path / "newer", [])


def test_what_fails_behind_the_answers_loses_none_of_them(trained):
    def judge(answered):
        raise InputError("The judge has ended.")

    out = trained.path("runs/short/evaluation/answers.jsonl")
    out.unlink(missing_ok=True)
    evaluation = evaluation_of(trained, trained.path("runs/short"), judge=judge)
    assert isinstance(evaluation.failure, InputError) and evaluation.figures["modalities"]
    with pytest.raises(InputError, match="judge"):
        evaluate_folder(trained, trained.path("runs/short"), judge=judge)
    assert out.read_text().count("\n") > 1
