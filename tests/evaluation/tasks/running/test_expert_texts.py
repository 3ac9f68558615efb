"""Tasks asked of a model that reads experts' texts: each medium brings its own, under every condition."""

import json
import shutil

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.evaluation.tasks.running.run import evaluate_tasks
from macaw_cli.inference.engine import Engine

MEDIA = {"image": ("red.png", "blue.png"), "audio": ("red.wav", "blue.wav"), "video": ("film.mp4", "silent.mp4")}
TOKENS = 12


@pytest.fixture(scope="module")
def root(told_workspace, tmp_path_factory):
    """A copy with a file of questions, two about each kind of media."""
    root = shutil.copytree(told_workspace, tmp_path_factory.mktemp("tasks") / "workspace")
    rows = [
        {"id": f"{modality}-{number}", modality: name, "question": "What is it?", "answer": str(number)}
        for modality, names in MEDIA.items() for number, name in enumerate(names)
    ]  # fmt: skip
    (root / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.mark.parametrize("run", ["beside", "instead"])
def test_real_and_swapped_media_bring_their_texts_and_none_brings_none(root, run):
    task = f"questions:questions.jsonl?media=media&max_new_tokens={TOKENS}&conditions=real,none,swapped"
    workspace = open_workspace(root, [f'evaluation.tasks=["{task}"]'])
    found = evaluate_tasks(workspace, root / "runs" / run)["tasks"]["questions"]
    assert found["rejected"] == 0 and found["conditions"]["swapped"]["n"] == 6
    lines = (root / "runs" / run / "evaluation/tasks/questions/answers.jsonl").read_text().splitlines()
    answers = {row["id"]: row["answers"] for row in map(json.loads, lines)}
    engine = Engine.from_pretrained(root / "runs" / run, device="cpu", workspace=root)

    def answer(**media):
        return engine.answer("What is it?", **media, max_new_tokens=TOKENS)

    blind = answer()
    for modality, names in MEDIA.items():
        said = [answer(**{modality: root / "media" / name}) for name in names]
        for number in range(2):
            real, other = said[number], said[1 - number]
            assert answers[f"{modality}-{number}"] == {"real": real, "none": blind, "swapped": other}
            assert real != blind


def test_a_task_of_media_that_experts_alone_know_is_taken(root):
    from every_task import write_pope

    write_pope(root / "pope")
    workspace = open_workspace(root, ['evaluation.tasks=["pope:pope?answer=likeliest&conditions=real"]'])
    found = evaluate_tasks(workspace, root / "runs/instead")
    assert found["tasks"]["pope"]["conditions"]["real"]["n"] == 12
