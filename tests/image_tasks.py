"""Rows of the tasks of images; their figures are counted by hand by the rules of the official scorers."""

import base64
import io

import pyarrow as pa
from PIL import Image
from pyarrow import parquet
from task_files import write_image, write_json


def image_bytes(colour):
    content = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, "PNG")
    return content.getvalue()


def write_gqa(folder):
    for name, colour in (("n1", "red"), ("n2", "blue")):
        write_image(folder / "images" / f"{name}.jpg", colour)
    rows = {
        "1": ("What colour is it?", "n1", "red", "query"), "2": ("What colour is it?", "n2", "blue", "query"),
        "3": ("Is it red?", "n1", "yes", "verify"), "4": ("Is it red?", "n2", "no", "verify"),
    }  # fmt: skip
    write_json(
        folder / "testdev_balanced_questions.json",
        {
            key: {"question": question, "imageId": image, "answer": answer, "isBalanced": True,
                  "types": {"structural": kind, "semantic": "attr", "detailed": "x"}}
            for key, (question, image, answer, kind) in rows.items()
        },
    )  # fmt: skip


def write_mme(folder):
    """One category as the folders `images` and `questions_answers_YN`, the other one flat."""
    for number, colour in enumerate(("red", "blue")):
        write_image(folder / "existence" / "images" / f"{number}.jpg", colour)
        file = folder / "existence" / "questions_answers_YN" / f"{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("Is it red?\tYes\nIs it blue?\tNo\n" if number else "Is it red?\tNo\nIs it blue?\tYes\n")
    for number, colour in enumerate(("green", "white")):
        write_image(folder / "code_reasoning" / f"{number}.png", colour)
        (folder / "code_reasoning" / f"{number}.txt").write_text("Is it 1?\tYes\nIs it 2?\tNo\n")


def write_mmbench(folder):
    """Two questions, with the first rotation alone."""
    red, blue = (base64.b64encode(image_bytes(colour)).decode() for colour in ("red", "blue"))
    lines = ["index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\timage\tl2-category",
             f"241\tWhat colour is it?\t\tblue\tred\tgreen\t\tB\tcolour\t{red}\tperception",
             f'252\t"Is it ""blue""?"\tLook.\tyes\tno\t\t\tA\tcheck\t{blue}\tperception']  # fmt: skip
    (folder / "MMBench_DEV_EN.tsv").write_text("\n".join([*lines, ""]))


def write_mmstar(folder):
    rows = [("math", "B", "red"), ("math", "C", "blue"), ("coarse perception", "A", "green"),
            ("coarse perception", "D", "white")]  # fmt: skip
    table = [
        {"index": number, "question": "How many?\nOptions: A: 1, B: 2, C: 3 or so, D: 4", "image": image_bytes(colour),
         "answer": answer, "category": category, "l2_category": f"some {category}",
         "meta_info": {"source": "x", "split": "y", "image_path": "z"}}
        for number, (category, answer, colour) in enumerate(rows)
    ]  # fmt: skip
    parquet.write_table(pa.Table.from_pylist(table), folder / "mmstar.parquet")


def write_hallusionbench(folder):
    rows = [
        ("VD", "illusion", "0", "0", "0", "1"), ("VD", "illusion", "0", "0", "1", "0"),
        ("VD", "illusion", "0", "1", "0", "0"), ("VD", "illusion", "0", "1", "1", "1"),
        ("VS", "chart", "1", "0", "0", "1"), ("VS", "chart", "1", "1", "0", "0"),
        ("VS", "chart", "2", "0", "0", "1"), ("VS", "chart", "2", "1", "0", "1"),
    ]  # fmt: skip
    content = []
    for category, below, group, figure, number, answer in rows:
        seen = not (category == "VS" and figure == "0")
        if seen:
            write_image(folder / category / below / f"{group}_{figure}.png", ("red", "blue", "green")[int(group)])
        content.append({
            "category": category, "subcategory": below, "visual_input": str(int(seen)), "set_id": group,
            "figure_id": figure, "sample_note": "x", "question_id": number, "question": f"Is number {number} so?",
            "gt_answer_details": "x", "gt_answer": answer, "filename": None,
        })  # fmt: skip
    write_json(folder / "HallusionBench.json", content)


def write_naturalbench(folder):
    def row(index, kind, colours, choices):
        first, second = choices
        return {
            "Index": index, "Image_0": {"bytes": image_bytes(colours[0]), "path": "a.jpg"},
            "Image_1": {"bytes": image_bytes(colours[1]), "path": "b.jpg"}, "Question_0": "Is it red?",
            "Image_0_Question_0": first, "Image_1_Question_0": second, "Question_1": "Is it blue?",
            "Image_0_Question_1": second, "Image_1_Question_1": first, "Question_Type": kind, "Source": "x",
        }  # fmt: skip

    rows = [row(0, "yes_no", ("red", "blue"), ("Yes", "No")), row(1, "multiple_choice", ("green", "white"), ("A", "B"))]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")


def write_scienceqa(folder):
    rows = {
        "1": ("test", "natural science", "grade4", "", "image.png", ["cat", "dog"], 1),
        "2": ("test", "natural science", "grade8", "It rains.", None, ["wet", "dry", "hot"], 0),
        "3": ("test", "natural science", "grade4", "Look.", "image.png", ["cow", "cat", "dog"], 0),
        "4": ("test", "social science", "grade6", "", None, ["no", "yes"], 1),
        "5": ("train", "natural science", "grade2", "", None, ["up", "down"], 1),
        "6": ("train", "natural science", "grade2", "", "image.png", ["up", "down"], 0),
    }
    problems = {}
    for key, (split, subject, grade, hint, image, choices, answer) in rows.items():
        if image:
            write_image(folder / split / key / image, "red" if key == "1" else "blue")
        problems[key] = {
            "question": f"What about {key}?", "choices": choices, "answer": answer, "hint": hint, "image": image,
            "task": "closed choice", "grade": grade, "subject": subject, "topic": "x", "category": "y", "skill": "z",
            "lecture": "Things fall.\nAlways.", "solution": "So down.", "split": split,
        }  # fmt: skip
    write_json(folder / "problems.json", problems)


IMAGE_TASKS = {
    "gqa": {
        "write": write_gqa,
        "said": {"1": "Red.", "2": "green", "3": "yes", "4": "yes"},
        "figures": {"n": 4, "accuracy": 0.5, "open": 0.5, "binary": 0.5, "groups.structural.query.accuracy": 0.5,
                    "groups.structural.verify.binary": 0.5},
    },
    "hallusionbench": {
        "write": write_hallusionbench,
        "path": "HallusionBench.json",
        "said": {"VD/illusion/0_0_0": "Yes", "VD/illusion/0_0_1": "no", "VD/illusion/0_1_0": "Yes",
                 "VD/illusion/0_1_1": "yes.", "VS/chart/1_0_0": "I do not know", "VS/chart/1_1_0": "No, never",
                 "VS/chart/2_0_0": "no", "VS/chart/2_1_0": "perhaps"},
        # wrong are 0_1_0, 2_0_0 and, unclear about an image, 2_1_0
        "figures": {"n": 8, "a_acc": 5 / 8, "f_acc": 0.5, "q_acc": 0.5, "easy_acc": 0.75, "hard_acc": 0.5,
                    "groups.category.VS.a_acc": 0.5, "groups.category.VD.f_acc": 0.5},
    },
    "mmbench": {
        "write": write_mmbench,
        "path": "MMBench_DEV_EN.tsv",
        # the answer of 241 moves from B to A to C; that of 252 from A to B
        "said": {"241/0": "B", "241/1": "A. red", "241/2": "It is red", "252/0": "A", "252/1": "A"},
        "figures": {"n": 2, "accuracy": 0.5, "vanilla": 1, "groups.category.colour.accuracy": 1,
                    "groups.category.check.accuracy": 0, "groups.l2-category.perception.accuracy": 0.5},
    },
    "mme": {
        "write": write_mme,
        "said": {"existence/0/0": "No", "existence/0/1": "Yes, it is.", "existence/1/0": "yes", "existence/1/1": "Yes",
                 "code_reasoning/0/0": "It is 1", "code_reasoning/0/1": "No", "code_reasoning/1/0": "no",
                 "code_reasoning/1/1": "maybe no"},
        # existence: 3 of 4 and 1 of 2 images; code: 1 of 4 and none
        "figures": {"n": 8, "accuracy": 0.5, "accuracy_plus": 0.25, "score": 150, "perception": 125, "cognition": 25,
                    "groups.category.existence.score": 125, "groups.category.code_reasoning.accuracy_plus": 0},
    },
    "mmstar": {
        "write": write_mmstar,
        "path": "mmstar.parquet",
        "said": {"0": "b", "1": "(C) 3", "2": "The answer is B", "3": "I think it is D"},
        "figures": {"n": 4, "accuracy": 0.5, "groups.category.math.accuracy": 1},
    },
    "naturalbench": {
        "write": write_naturalbench,
        "said": {"0/q0_i0": "Yes", "0/q0_i1": "No.", "0/q1_i0": "yes, it does not", "0/q1_i1": "Yes",
                 "1/q0_i0": "A", "1/q0_i1": "The answer is B", "1/q1_i0": "b", "1/q1_i1": "A or B"},
        "figures": {"n": 8, "accuracy": 7 / 8, "q_acc": 0.75, "i_acc": 0.75, "g_acc": 0.5,
                    "groups.type.yes_no.g_acc": 0, "groups.type.multiple_choice.g_acc": 1},
    },
    "scienceqa": {
        "write": write_scienceqa,
        "said": {"1": "The answer is B.", "2": "A", "3": "A dog.", "4": "B. yes"},
        "figures": {"n": 4, "accuracy": 0.75, "groups.subject.NAT.accuracy": 2 / 3,
                    "groups.has_image.yes.accuracy": 0.5, "groups.has_text.yes.accuracy": 0.5,
                    "groups.no_context.yes.accuracy": 1, "groups.grade.1-6.accuracy": 2 / 3,
                    "groups.grade.7-12.accuracy": 1},
    },
}  # fmt: skip
"""Name of the task to the arguments of its `Row`."""
