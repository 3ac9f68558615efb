import json

import pytest
from every_task import settings_of
from image_tasks import write_scienceqa

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.running.reading import read_items
from macaw_cli.evaluation.tasks.running.registry import open_task
from macaw_cli.evaluation.tasks.scienceqa import said_letter
from macaw_cli.evaluation.tasks.scienceqa_prompts import Problem, demonstration, prompt

RAIN = Problem("Why?", ("wet", "dry"), 1, "It rains.", "Rain\nis water.", "So it is dry.")
BARE = Problem("Why?", ("wet", "dry"), 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    write_scienceqa(tmp_path / "data")
    return tmp_path


def texts(folder, **options):
    settings = settings_of("scienceqa", folder / "data", **options)
    task = open_task(settings, Workspace(folder, parse_settings({}, "test")))
    items = read_items(task, None, folder).items
    return {item.id: item.messages[-1]["content"][-1]["text"] for item in items}


def test_the_prompt_is_that_of_the_published_code():
    assert prompt(RAIN, "QCM") == "Question: Why?\nContext: It rains.\nOptions: (A) wet (B) dry\nAnswer:"
    assert prompt(BARE, "CQM") == "Context: N/A\nQuestion: Why?\nOptions: (A) wet (B) dry\nAnswer:"


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        ("QCML", ["Options: (A) wet (B) dry", "BECAUSE: Rain\\nis water."]),
        ("QCMLE", ["Options: (A) wet (B) dry", "BECAUSE: Rain\\nis water. So it is dry."]),
        ("QCEM", ["BECAUSE: So it is dry.", "Options: (A) wet (B) dry"]),
        ("QCMG", ["Options: (A) wet (B) dry", "BECAUSE: I think so."]),
    ],
)
def test_a_rationale_stands_where_the_format_says(order, lines):
    expected = ["Question: Why?", "Context: It rains.", *lines, "Answer:"]
    assert prompt(RAIN, order, "I think so.").split("\n") == expected


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("A", "The answer is B."),
        ("AL", "The answer is B. BECAUSE: So it is dry."),  # the published labels are the wrong way round
        ("AE", "The answer is B. BECAUSE: Rain\\nis water."),
        ("ALE", "The answer is B. BECAUSE: Rain\\nis water. So it is dry."),
        ("AEL", "The answer is B. BECAUSE: So it is dry. Rain\\nis water."),
        ("LA", "Rain\\nis water. The answer is B."),
        ("EA", "So it is dry. The answer is B."),
        ("LEA", "Rain\\nis water. So it is dry. The answer is B."),
        ("ELA", "So it is dry. Rain\\nis water. The answer is B."),
    ],
)
def test_a_demonstration_ends_with_its_answer_in_the_chosen_format(output, said):
    assert demonstration(RAIN, "QCM", output) == prompt(RAIN, "QCM") + " " + said
    assert demonstration(BARE, "QCM", output).endswith("The answer is B.")


def test_shots_are_training_problems_without_an_image_before_the_question(folder):
    shown = texts(folder, shots=1)["4"]
    assert shown.startswith("Question: What about 5?\nContext: N/A\n") and "\n\nQuestion: What about 4?" in shown
    assert shown.count("The answer is B.") == 1 and shown.endswith("Answer:")
    with pytest.raises(InputError) as error:
        texts(folder, shots=2)
    assert "shots" in str(error.value)


def test_captions_are_part_of_the_context(folder):
    (folder / "captions.json").write_text(json.dumps({"caption_model": "x", "captions": {"3": "A cow."}}))
    assert "\nContext: Look. A cow.\n" in texts(folder, captions="captions.json")["3"]


def test_rationales_are_the_answers_of_an_earlier_run(folder):
    rows = [{"id": key, "answers": {"real": f"thought {key}", "none": "x"}} for key in "1234"]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shown = texts(folder, input="QCMG", rationales="answers.jsonl")
    assert "\nBECAUSE: thought 2\nAnswer:" in shown["2"]


def test_another_split_is_asked_where_it_is_named(folder):
    assert texts(folder, split="train").keys() == {"5", "6"}


@pytest.mark.parametrize("options", [{"input": "QCMG"}, {"rationales": "x"}, {"output": "EA"}, {"output": "X"}])
def test_settings_that_cannot_be_are_refused(folder, options):
    with pytest.raises(UsageError):
        settings_of("scienceqa", folder / "data", **options)


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"), ("(B)", "B"), ("B.", "B"), ("B. dry", "B"), ("B: dry", "B"), ("The answer is B.", "B"),
        ("So. The answer is (B).", "B"), ("The answer is A. The answer is B.", ""), ("D", ""), ("A dog", ""), ("", ""),
        ("Because", ""),
    ],
)  # fmt: skip
def test_the_letter_of_an_answer(answer, letter):
    assert said_letter(answer, 2) == letter
