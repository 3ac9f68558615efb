"""What the tasks of questions, transcripts and classes read besides the form of their rows."""

import pytest
from recognition_tasks import write_esc50, write_librispeech, write_mmau, write_msvd_qa

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.mmau import names_choice
from macaw_cli.evaluation.tasks.running.registry import open_task


def opened(folder, name, path, **options):
    section = {"name": name, "path": path, **options}
    settings = parse_settings({"evaluation": {"tasks": [section]}}, "test")
    return open_task(settings.evaluation.tasks[0], Workspace(folder, settings))


@pytest.mark.parametrize(
    ("said", "right", "choices", "named"),
    [
        ("Man", "Man", ["Man", "Woman"], True),
        ("It is the man's voice.", "Man", ["Man", "Woman"], True),
        ("A man or a woman", "Man", ["Man", "Woman"], False),
        ("woman", "Man", ["Man", "Woman"], False),
        ("", "Man", ["Man", "Woman"], False),
        ("a cat and a dog", "A dog and a cat", ["A dog", "A cat", "A dog and a cat"], True),
        ("a dog", "A dog and a cat", ["A dog", "A cat", "A dog and a cat"], False),
        ("A dog and a cat", "A dog", ["A dog", "A cat", "A dog and a cat"], False),
        ("(B) 120 BPM", "120 bpm", ["90 bpm", "120 bpm"], True),
    ],
)
def test_an_answer_names_a_choice_as_the_official_script_of_mmau_says(said, right, choices, named):
    assert names_choice(said, right, choices) is named


def test_the_likeliest_choice_of_mmau_counts_as_it_is(tmp_path):
    write_mmau(tmp_path)
    task = opened(tmp_path, "mmau", "mmau-test-mini.json", answer="likeliest")
    item = next(item for item in task.items() if item.id == "clip1")
    assert task.score(Answered(item, "A dog", (-1.0, -2.0, -3.0))) == 0
    assert task.score(Answered(item, "A dog and a cat", (-3.0, -2.0, -1.0))) == 1


def test_a_video_of_msvd_is_called_as_the_mapping_says_else_by_its_number(tmp_path):
    write_msvd_qa(tmp_path)
    folder = tmp_path / "YouTubeClips"
    (folder / "youtube_mapping.txt").unlink()
    (folder / "mv89psg6zh4_33_46.avi").rename(folder / "vid1.avi")
    found = list(opened(tmp_path, "msvd-qa", "YouTubeClips/test_qa.json").items())
    assert [item.media[0].name for item in found if not isinstance(item, InputError)] == ["vid1.avi", "vid1.avi"]


def test_a_mapping_that_is_no_table_of_names_is_refused(tmp_path):
    write_msvd_qa(tmp_path)
    (tmp_path / "YouTubeClips" / "youtube_mapping.txt").write_text("one two three\n")
    (reject, *_) = opened(tmp_path, "msvd-qa", "YouTubeClips/test_qa.json").items()
    assert "one two three" in reject.problem


def test_one_set_of_librispeech_is_read_as_well_as_all(tmp_path):
    write_librispeech(tmp_path)
    everything = list(opened(tmp_path, "librispeech", "LibriSpeech").items())
    one_set = list(opened(tmp_path, "librispeech", "LibriSpeech/test-clean").items())
    assert [item.groups["set"] for item in everything] == ["test-clean", "test-clean", "test-other"]
    assert [item.groups["set"] for item in one_set] == ["test-clean", "test-clean"]


def test_an_utterance_without_audio_is_a_reject_and_a_folder_without_transcripts_an_error(tmp_path):
    write_librispeech(tmp_path)
    next((tmp_path / "LibriSpeech").rglob("61-70968-0000.flac")).unlink()
    found = list(opened(tmp_path, "librispeech", "LibriSpeech").items())
    assert ["61-70968-0000" in item.problem for item in found if isinstance(item, InputError)] == [True]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        list(opened(tmp_path, "librispeech", "empty").items())


def test_an_utterance_whose_name_is_a_path_is_a_reject(tmp_path):
    write_librispeech(tmp_path)
    transcript = next((tmp_path / "LibriSpeech").rglob("61-70968.trans.txt"))
    transcript.write_text("../61-70968-0000 HE BEGAN\n")
    found = list(opened(tmp_path, "librispeech", "LibriSpeech/test-clean").items())
    assert [isinstance(item, InputError) for item in found] == [True]


def test_esc10_has_its_own_clips_and_classes(tmp_path):
    write_esc50(tmp_path)
    items = list(opened(tmp_path, "esc50", ".", esc10=True).items())
    assert len(items) == 3
    assert items[0].choices == ("dog", "rain")
    whole = next(opened(tmp_path, "esc50", "meta/esc50.csv", media="audio").items())
    assert whole.choices == ("dog", "rain", "sea waves")


def test_a_folder_that_is_not_esc50_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"esc50\.csv"):
        list(opened(tmp_path, "esc50", ".").items())
