"""What the tasks of captions and dialogues read besides the form of their rows in tests/caption_tasks.py."""

import pytest
from caption_tasks import CAPTIONS, write_audiocaps, write_avsd, write_charades, write_coco_captions
from task_files import write_audio, write_csv, write_image, write_json

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.running.registry import open_task


def opened(folder, name, path, **options):
    section = {"name": name, "path": path, **options}
    settings = parse_settings({"evaluation": {"tasks": [section]}}, "test")
    return open_task(settings.evaluation.tasks[0], Workspace(folder, settings))


def read(folder, name, path, **options):
    found = list(opened(folder, name, path, **options).items())
    rejects = [one for one in found if isinstance(one, InputError)]
    return [one for one in found if one not in rejects], rejects


def test_karpathys_splits_of_coco_are_read_one_at_a_time(tmp_path):
    write_coco_captions(tmp_path)
    images = [
        {"filepath": "val2014", "filename": f"COCO_val2014_{key:012d}.jpg", "cocoid": key, "imgid": number,
         "split": split, "sentences": [{"raw": text, "tokens": []} for text in CAPTIONS[key]]}
        for number, (key, split) in enumerate([(42, "test"), (73, "val")])
    ]  # fmt: skip
    write_json(tmp_path / "dataset_coco.json", {"images": images, "dataset": "coco"})
    ((item,), _) = read(tmp_path, "coco-captions", "dataset_coco.json")
    assert (item.id, item.references) == ("42", tuple(CAPTIONS[42]))
    assert item.media[0].path.name == "COCO_val2014_000000000042.jpg"
    ((item,), _) = read(tmp_path, "coco-captions", "dataset_coco.json", split="val", instances="instances_val2014.json")
    assert (item.id, item.facts["objects"]) == ("73", {"person", "bicycle"})


def test_without_instances_nothing_is_said_of_hallucinated_objects(tmp_path):
    write_coco_captions(tmp_path)
    (tmp_path / "instances_val2014.json").unlink()
    task = opened(tmp_path, "coco-captions", "captions_val2014.json")
    assert "chair_i" not in task.figures([Answered(item, "a dog") for item in task.items()])
    with pytest.raises(InputError, match="nowhere"):
        list(opened(tmp_path, "coco-captions", "captions_val2014.json", instances="nowhere.json").items())


def test_an_image_that_is_not_there_is_a_reject_and_the_others_are_asked(tmp_path):
    write_coco_captions(tmp_path)
    (tmp_path / "val2014" / "COCO_val2014_000000000073.jpg").unlink()
    items, rejects = read(tmp_path, "coco-captions", "captions_val2014.json")
    assert [item.id for item in items] == ["42"]
    assert "COCO_val2014_000000000073.jpg" in rejects[0].problem


def test_a_folder_in_the_place_of_captions_is_refused(tmp_path):
    write_coco_captions(tmp_path)
    with pytest.raises(InputError, match="is a folder"):
        list(opened(tmp_path, "coco-captions", ".").items())


@pytest.mark.parametrize("name", ["vfY_TJq7n_U.flac", "YvfY_TJq7n_U.wav", "vfY_TJq7n_U_130.wav", "97152.wav"])
def test_a_clip_of_audiocaps_is_found_under_its_usual_names(tmp_path, name):
    write_audiocaps(tmp_path)
    (tmp_path / "YvfY_TJq7n_U.wav").unlink()
    write_audio(tmp_path / name, 300)
    items, rejects = read(tmp_path, "audiocaps", "test.csv")
    assert rejects == []
    assert (items[0].media[0].name, len(items[0].references)) == (name, 2)


def test_a_broken_row_of_a_table_is_a_reject(tmp_path):
    write_audio(tmp_path / "a.wav", 300)
    write_csv(tmp_path / "captions.csv", ["file_name", "caption_1"], ["a.wav", "rain"], ["a.wav"], ["a.wav", ""])
    items, rejects = read(tmp_path, "clotho", "captions.csv")
    assert [item.references for item in items] == [("rain",)]
    assert len(rejects) == 2


def test_each_answer_of_a_dialogue_is_asked_for_after_the_turns_before_it(tmp_path):
    write_avsd(tmp_path)
    items, _ = read(tmp_path, "avsd", "test_set4DSTC7-AVSD.json", references="lbl_test_set4DSTC7-AVSD.json")
    first, second = items[:2]
    assert [message["role"] for message in first.messages] == ["user"]
    assert [message["role"] for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[0]["content"] == [{"type": "video"}, {"type": "text", "text": "What is he doing?"}]
    assert second.messages[1]["content"] == "he is cooking in the kitchen"
    assert second.messages[2]["content"] == "Is he alone?"
    assert first.cluster == second.cluster != items[2].cluster
    assert items[3].references == ("no he does not talk", "he does not say anything")


def test_only_the_last_answer_of_a_dialogue_is_asked_for_where_it_is_wanted(tmp_path):
    write_avsd(tmp_path)
    items, _ = read(
        tmp_path, "avsd", "test_set4DSTC7-AVSD.json", references="lbl_test_set4DSTC7-AVSD.json", turns="last"
    )
    assert [item.id for item in items] == ["7UPGT/2", "46GP8/2"]


def test_an_undisclosed_answer_is_a_reject_that_says_what_is_missing(tmp_path):
    write_avsd(tmp_path)
    items, (reject,) = read(tmp_path, "avsd", "test_set4DSTC7-AVSD.json")
    assert {item.cluster for item in items} == {"7UPGT"}
    assert "references" in reject.problem


def test_descriptions_of_charades_are_separate_references(tmp_path):
    write_charades(tmp_path)
    items, _ = read(tmp_path, "charades", "Charades_v1_test.csv")
    assert items[0].references == ("A person is cooking on a stove.", "Somebody cooks food in a pan")


def test_a_name_that_leads_out_of_the_media_folder_is_refused(tmp_path):
    (tmp_path / "inside").mkdir()
    write_image(tmp_path / "secret.png", "red")
    write_csv(tmp_path / "inside" / "captions.csv", ["file_name", "caption_1"], ["../secret.png", "red"])
    items, (reject,) = read(tmp_path, "clotho", "inside/captions.csv")
    assert items == []
    assert "secret.png" in reject.problem and "media=FOLDER" in reject.problem
