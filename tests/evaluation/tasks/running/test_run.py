"""Files that are not as they should be, and what is asked of a model, through the whole of `evaluate_tasks`."""

import base64
import json
import shutil
from types import SimpleNamespace

import pytest
from every_task import write_image, write_pope

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.item import Item, Medium, user_turn
from macaw_cli.evaluation.tasks.running.asking import Asker
from macaw_cli.evaluation.tasks.running.kept_answers import NAME
from macaw_cli.evaluation.tasks.running.reading import read_items
from macaw_cli.evaluation.tasks.running.registry import open_task
from macaw_cli.evaluation.tasks.running.run import evaluate_tasks, require_all_asked


@pytest.fixture(scope="module")
def root(workspace_folder, tmp_path_factory):
    """A workspace with a run that may be written to."""
    folder = tmp_path_factory.mktemp("tasks")
    shutil.copytree(workspace_folder / "runs", folder / "runs")
    (folder / "models").symlink_to(workspace_folder / "models")
    return folder


def workspace_of(root, *tasks, **evaluation):
    tree = {"evaluation": {"tasks": list(tasks), "device": "cpu", **evaluation}}
    return Workspace(root, parse_settings(tree, "test"))


def test_files_that_are_not_there_are_told_before_the_model_is_loaded(tmp_path):
    with pytest.raises(InputError) as error:
        evaluate_tasks(workspace_of(tmp_path, "pope:nowhere"), None)
    assert str(tmp_path / "nowhere") in str(error.value) and "docs/tasks.md" in str(error.value)
    with pytest.raises(InputError) as error:
        evaluate_tasks(workspace_of(tmp_path, f"pope:{tmp_path}?media=gone"), None)
    assert str(tmp_path / "gone") in str(error.value)


def test_a_folder_without_the_files_names_them(tmp_path):
    workspace = workspace_of(tmp_path, f"pope:{tmp_path}")
    with pytest.raises(InputError) as error:
        read_items(open_task(workspace.settings.evaluation.tasks[0], workspace), None, tmp_path)
    assert "coco_pope_random.json" in str(error.value)


def test_missing_images_are_rejects_and_too_many_of_them_end_the_command_after_all_is_written(root, tmp_path, capsys):
    write_pope(tmp_path)
    (tmp_path / "val2014" / "COCO_val2014_000000000001.jpg").unlink()
    few = evaluate_tasks(workspace_of(root, f"pope:{tmp_path}?conditions=real&max_new_tokens=1"), None)
    with pytest.raises(InputError) as error:
        require_all_asked(few)
    told = str(error.value)
    assert "6 of 12" in told and "COCO_val2014_000000000001.jpg" in told and "media=FOLDER" in told
    assert "max_reject_ratio=0.05" in told
    written = root / "runs/tiny/evaluation/tasks/pope"
    assert json.loads((written / "figures.json").read_text())["rejected"] == 6
    assert len((written / "rejects.jsonl").read_text().splitlines()) == 6
    found = evaluate_tasks(
        workspace_of(root, f"pope:{tmp_path}?conditions=real&max_new_tokens=1", max_reject_ratio=0.5), None
    )
    assert found["tasks"]["pope"]["conditions"]["real"]["n"] == 6
    require_all_asked(found)
    told = capsys.readouterr().err
    assert "6 of 12 questions of pope" in told and "tasks/pope/rejects.jsonl" in told


def test_a_task_that_cannot_be_asked_stops_none_of_the_others(root, tmp_path):
    write_pope(tmp_path)
    (tmp_path / "bad.json").write_text("")
    shown = []
    found = evaluate_tasks(
        workspace_of(
            root, f"questions:{tmp_path}/bad.json?title=bad", f"pope:{tmp_path}?conditions=real&answer=likeliest"
        ), None, lambda title, report: shown.append((title, report["conditions"]["real"]["n"])),
    )  # fmt: skip
    assert shown == [("pope", 12)] and found["tasks"].keys() == {"pope"}
    with pytest.raises(InputError, match=r"1 of 2 tasks.*bad") as error:
        require_all_asked(found)
    assert found["failed"]["bad"]["problem"] in str(error.value)


def test_answers_of_a_task_to_other_questions_are_kept(root, tmp_path, capsys):
    write_pope(tmp_path)
    out = root / "runs/tiny/evaluation/tasks/mine"

    def ask(options):
        words = f"pope:{tmp_path}?title=mine&answer=likeliest&{options}"
        evaluate_tasks(workspace_of(root, words), None)
        return (out / "answers.jsonl").read_bytes()

    whole = ask("conditions=real")
    assert ask("conditions=real") == whole and not (out / "earlier-1").exists()
    few = ask("conditions=real#1")
    assert (out / "earlier-1/answers.jsonl").read_bytes() == whole
    assert "mine/earlier-1" in capsys.readouterr().err
    assert json.loads((out / "earlier-1/figures.json").read_text())["conditions"]["real"]["n"] == 12
    ask("conditions=real,none#1")
    assert (out / "earlier-2/answers.jsonl").read_bytes() == few


def test_an_image_that_cannot_be_decoded_is_a_reject_and_is_lent_to_nobody(root, tmp_path):
    write_pope(tmp_path)
    (tmp_path / "val2014" / "COCO_val2014_000000000001.jpg").write_bytes(b"no image")
    found = evaluate_tasks(
        workspace_of(root, f"pope:{tmp_path}?answer=likeliest", max_reject_ratio=1.0), None
    )["tasks"]["pope"]  # fmt: skip
    assert found["rejected"] == 6
    assert {name: seen["n"] for name, seen in found["conditions"].items()} == {"real": 6, "none": 6}
    assert "COCO_val2014_000000000001.jpg" in (root / "runs/tiny/evaluation/tasks/pope/rejects.jsonl").read_text()


def test_a_name_that_leads_out_of_the_media_folder_is_refused(tmp_path):
    write_pope(tmp_path / "data")
    write_image(tmp_path / "secret.png", "red")
    file = tmp_path / "data" / "coco_pope_random.json"
    rows = [{"question_id": 1, "image": name, "text": "Is there?", "label": "yes"}
            for name in ("../secret.png", str(tmp_path / "secret.png"))]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    workspace = workspace_of(tmp_path, f"pope:{file}")
    with pytest.raises(InputError) as error:
        read_items(open_task(workspace.settings.evaluation.tasks[0], workspace), None, tmp_path)
    assert "3 cannot be asked" in str(error.value) and "media folder" in str(error.value)


@pytest.mark.parametrize("name", ["QUJD" * 100, "a\0b", "a" * 300 + "/b.jpg"])
def test_what_can_be_no_name_of_a_file_makes_its_row_unusable(tmp_path, name):
    write_pope(tmp_path)
    row = {"question_id": 1, "image": name, "text": "Is there?", "label": "yes"}
    (tmp_path / "coco_pope_random.json").write_text(json.dumps(row) + "\n")
    workspace = workspace_of(tmp_path, f"pope:{tmp_path}")
    read = read_items(open_task(workspace.settings.evaluation.tasks[0], workspace), None, tmp_path)
    assert len(read.items) == 8 and len(read.rejects) == 1 and "media=FOLDER" in read.rejects[0]


def test_a_name_in_a_table_does_not_choose_the_name_of_a_temporary_file(tmp_path):
    items = [Item(id=str(at), messages=user_turn("?"), media=(Medium("image", content=b"x", name=name),))
             for at, name in enumerate(["a." + "b" * 300, "a.\0", "a.jpg"])]  # fmt: skip
    read = read_items(SimpleNamespace(items=lambda: items), None, tmp_path)
    assert [item.media[0].path.suffix for item in read.items] == ["", "", ".jpg"]


def test_a_model_that_does_not_know_what_a_task_shows_is_refused(workspace_folder, tmp_path):
    import tiny_macaw

    (tmp_path / "models").symlink_to(workspace_folder / "models")
    tiny_macaw.make_model(tmp_path, modalities=("audio",))
    write_pope(tmp_path / "pope")
    with pytest.raises(MismatchError) as error:
        evaluate_tasks(workspace_of(tmp_path, "pope:pope"), tmp_path / "runs/tiny/model")
    assert "image" in str(error.value) and "audio" in str(error.value)


def test_a_model_outside_a_run_is_only_read(root, tmp_path):
    write_pope(tmp_path / "pope")
    shutil.copytree(root / "runs/tiny/model", tmp_path / "alone/model")
    with pytest.raises(InputError) as error:
        evaluate_tasks(workspace_of(root, f"pope:{tmp_path}/pope"), tmp_path / "alone/model")
    assert "image encoder" in str(error.value)
    (tmp_path / "alone/model/config.json").write_text(
        (tmp_path / "alone/model/config.json").read_text().replace("../../../models", str(root / "models"))
    )
    before = sorted((tmp_path / "alone").rglob("*"))
    found = evaluate_tasks(
        workspace_of(root, f"pope:{tmp_path}/pope?answer=likeliest&conditions=real#1"), tmp_path / "alone/model"
    )
    assert found["tasks"]["pope"]["conditions"]["real"]["n"] == 3  # one of each split
    assert sorted((tmp_path / "alone").rglob("*")) == before


def test_the_likeliest_choice_is_that_of_the_largest_likelihood_in_batches_of_any_size(root, tmp_path):
    write_pope(tmp_path)
    task = f"pope:{tmp_path}?answer=likeliest&conditions=real,none,told,swapped"
    answers = []
    for size in (1, 5, 64):
        evaluate_tasks(workspace_of(root, task, batch_size=size), None)
        answers.append((root / "runs/tiny/evaluation/tasks/pope/answers.jsonl").read_text())
    assert answers[0] == answers[1] == answers[2]
    assert all(set(json.loads(line)["answers"].values()) <= {"yes", "no"} for line in answers[0].splitlines())


def test_an_interrupted_task_goes_on_where_it_stopped(root, tmp_path, monkeypatch, capsys):
    write_pope(tmp_path)
    task, out = f"pope:{tmp_path}?answer=likeliest", root / "runs/tiny/evaluation/tasks/pope"

    def asked(words=task, most=None):
        """Answers the task, or is stopped after so many answers; how many were computed."""
        count, scored = 0, Asker._scored

        def counted(self, prompts, advance):
            nonlocal count
            for answer in scored(self, prompts, advance):
                if count == most:
                    raise KeyboardInterrupt
                count += 1
                yield answer

        with monkeypatch.context() as patched:
            patched.setattr(Asker, "_scored", counted)
            evaluate_tasks(workspace_of(root, words, batch_size=4), None)
        return count

    everything = asked()
    expected = (out / "answers.jsonl").read_bytes()
    assert not (out / NAME).exists()
    with pytest.raises(KeyboardInterrupt):
        asked(most=7)
    assert (out / NAME).is_file()
    with (out / NAME).open("a") as file:
        file.write('{"asked": "torn')  # as a kill leaves it
    left = asked()
    assert 0 < left <= everything - 7
    assert "earlier run that was interrupted" in capsys.readouterr().err
    assert (out / "answers.jsonl").read_bytes() == expected and not (out / NAME).exists()

    with pytest.raises(KeyboardInterrupt):
        asked(most=7)
    write_image(tmp_path / "val2014" / "COCO_val2014_000000000000.jpg", "green")
    assert asked() > left  # what was asked about the old image is asked again
    with pytest.raises(KeyboardInterrupt):
        asked(most=7)
    assert asked(f"{task}&prompt=Say: {{question}}") == everything


def test_bytes_of_media_become_files_once(tmp_path):
    write_image(tmp_path / "red.png", "red")
    content = base64.b64decode(base64.b64encode((tmp_path / "red.png").read_bytes()))

    class Inside:
        settings = parse_settings({"evaluation": {"tasks": ["pope:x"]}}, "test").evaluation.tasks[0]

        def items(self):
            for number in range(2):
                medium = Medium("image", content=content, name="1.jpg")
                yield Item(id=str(number), messages=user_turn("?", (medium,)), media=(medium,), references=("yes",))

    (tmp_path / "scratch").mkdir()
    first, second = read_items(Inside(), None, tmp_path / "scratch").items
    assert first.media == second.media and first.media[0].path.read_bytes() == content
    assert len(list((tmp_path / "scratch").iterdir())) == 1 and first.media[0].path.suffix == ".jpg"


def test_questions_with_the_same_id_are_questions_of_their_own(tmp_path):
    write_image(tmp_path / "a.png", "red")
    rows = [{"id": "a", "image": "a.png", "question": f"{word}?", "answer": word} for word in ("What", "Where", "Who")]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    workspace = workspace_of(tmp_path, f"questions:{tmp_path / 'own.jsonl'}?media={tmp_path}")
    read = read_items(open_task(workspace.settings.evaluation.tasks[0], workspace), None, tmp_path)
    assert [item.id for item in read.items] == ["a", "a #2", "a #3"]
    assert len({item.cluster_id for item in read.items}) == 3
