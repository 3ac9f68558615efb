"""What single tasks do beyond what tests/every_task.py asks of all."""

import base64
import json

import pyarrow as pa
import pytest
from every_task import EVERY_TASK, settings_of
from image_tasks import image_bytes, write_mmbench
from pyarrow import parquet

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.running.reading import read_items
from macaw_cli.evaluation.tasks.running.registry import open_task


def opened(name, folder, **options):
    return open_task(settings_of(name, folder, **options), Workspace(folder, parse_settings({}, "test")))


def written(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    EVERY_TASK[name].write(folder)
    return folder


def answered(task, tmp_path, said):
    return [Answered(item, said[item.id]) for item in read_items(task, None, tmp_path).items]


def test_published_rotations_are_taken_as_they_are(tmp_path):
    image = base64.b64encode(image_bytes("red")).decode()
    rows = [("7", "x", "y", "A", image), ("1000007", "y", "x", "B", "7"), ("8", "u", "v", "B", image)]
    lines = ["index\tquestion\tA\tB\tanswer\timage", *("\t".join([key, "Which?", *rest]) for key, *rest in rows)]
    (tmp_path / "MMBench_DEV_EN.tsv").write_text("\n".join(lines) + "\n")
    items = read_items(opened("mmbench", tmp_path), None, tmp_path).items
    assert [(item.id, item.cluster, item.options, item.reference) for item in items] == [
        ("7/0", "7", ("x", "y"), "A"), ("7/1", "7", ("y", "x"), "B"), ("8/0", "8", ("u", "v"), "B"),
    ]  # fmt: skip
    assert items[0].media == items[1].media


def test_without_circular_a_question_is_asked_once(tmp_path):
    write_mmbench(tmp_path)
    items = read_items(opened("mmbench", tmp_path, circular=False), None, tmp_path).items
    assert [item.id for item in items] == ["241/0", "252/0"]
    assert items[1].messages[-1]["content"][-1]["text"].startswith('Look.\nIs it "blue"?\nA. yes\nB. no\nAnswer with')


def test_a_test_split_without_answers_is_told(tmp_path):
    image = base64.b64encode(image_bytes("red")).decode()
    text = f"index\tquestion\tA\tB\tanswer\timage\n1\tWhich?\tx\ty\t\t{image}\n"
    (tmp_path / "MMBench_DEV_EN.tsv").write_text(text)
    with pytest.raises(InputError) as error:
        read_items(opened("mmbench", tmp_path), None, tmp_path)
    assert "test split" in str(error.value)


def test_multimodal_gain_and_leakage_are_those_of_the_paper(tmp_path):
    folder = written("mmstar", tmp_path)
    right, wrong = dict(enumerate("BCAD")), dict.fromkeys(range(4), "x")
    seen = {str(key): text for key, text in right.items()}
    blind = {str(key): right[key] if key < 2 else wrong[key] for key in right}
    task = opened("mmstar", folder, llm_accuracy=0.3)
    conditions = {"real": answered(task, tmp_path, seen), "none": answered(task, tmp_path, blind)}
    assert task.compare(conditions) == {"multimodal_gain": 0.5, "multimodal_leakage": 0.2}
    assert opened("mmstar", folder, llm_accuracy=0.9).compare(conditions)["multimodal_leakage"] == 0
    assert opened("mmstar", folder).compare(conditions) == {"multimodal_gain": 0.5}


def test_the_options_in_a_question_are_its_choices(tmp_path):
    item = read_items(opened("mmstar", written("mmstar", tmp_path)), None, tmp_path).items[1]
    assert (item.options, item.meaning) == (("1", "2", "3 or so", "4"), "3 or so")


BROKEN = {
    "gqa": lambda folder: (folder / "testdev_balanced_questions.json").write_text(
        json.dumps({
            "1": {"question": "x"}, "2": 3, "3": {"question": "x", "imageId": "n9", "answer": "y", "types": []},
        })
    ),
    "hallusionbench": lambda folder: (folder / "HallusionBench.json").write_text(
        json.dumps([{"category": "VX"}, {"category": "VD", "subcategory": "x", "question": "y"}, 3])
    ),
    "mmbench": lambda folder: (folder / "MMBench_DEV_EN.tsv").write_text(
        "index\tquestion\tA\tB\tanswer\timage\n1\tq\tx\ty\tA\t?\nx\tq\n3\tq\tx\ty\tA\t" + "!" * 80 + "\n"
    ),
    "mme": lambda folder: [
        (folder / "existence" / "questions_answers_YN" / name).write_text(text)
        for name, text in (("0.txt", "Is it?\tMaybe\nIs it?\tNo\n"), ("1.txt", "Is it?\tYes\n"), ("9.txt", "x"))
    ],
    "mmstar": lambda folder: parquet.write_table(
        pa.Table.from_pylist(
            [{"index": n, "question": "Q", "answer": "A", "category": "c", "image": b""} for n in "abc"]
        ),
        folder / "mmstar.parquet",
    ),
    "naturalbench": lambda folder: parquet.write_table(
        pa.Table.from_pylist([{"Index": n, "Question_0": "x"} for n in range(3)]),
        folder / "train-00000-of-00001.parquet",
    ),
    "scienceqa": lambda folder: (folder / "problems.json").write_text(
        json.dumps({
            "1": {"split": "test"}, "2": {"split": "test", "question": "x", "choices": "ab", "answer": 0},
            "3": {"split": "test", "question": "x", "choices": ["a"], "answer": 3},
        })
    ),
    "pope": lambda folder: (folder / "coco_pope_random.json").write_text('{"image": 3}\nno\n[]\n'),
    "vqav2": lambda folder: (folder / "v2_OpenEnded_mscoco_val2014_questions.json").write_text(
        json.dumps({"questions": [{"question": "x", "image_id": 42, "question_id": 9}, 3, {"question": None}]})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_rows_that_are_not_of_the_published_form_are_rejects_with_their_reason(name, tmp_path):
    folder = written(name, tmp_path)
    BROKEN[name](folder)
    found = [one for one in opened(name, folder).items() if isinstance(one, InputError)]
    assert len(found) == 3
    assert all(error.problem for error in found)


@pytest.mark.parametrize(
    "name", ["gqa", "hallusionbench", "mme", "mmstar", "naturalbench", "pope", "scienceqa", "vqav2"]
)
def test_a_folder_that_does_not_hold_the_files_is_told(name, tmp_path):
    task = open_task(settings_of(name, tmp_path, path=str(tmp_path)), Workspace(tmp_path, parse_settings({}, "test")))
    with pytest.raises(InputError):
        list(task.items())
