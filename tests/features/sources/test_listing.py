import json
import os
import unicodedata

import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.sources.listing import Source, list_sources, survey_sources


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    return open_workspace(tmp_path)


def test_folders_are_read_recursively_sorted_without_hidden_and_other_files(workspace, tmp_path):
    for name in ("b/2.png", "b/10.png", "a.jpg", "c.wav", ".hidden/x.png", "notes.txt", "b/.x.png"):
        (tmp_path / "media" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "media" / name).write_text("x")
    assert [source.name for source in list_sources(workspace, ["media"])] == [
        "media/a.jpg", "media/b/10.png", "media/b/2.png", "media/c.wav"
    ]  # fmt: skip
    survey = survey_sources(workspace, ["media"])
    assert survey.ignored == 1 and survey.media == {"image": 3, "audio": 1}
    assert len(list(list_sources(workspace, ["media", "media/a.jpg", "media/b/*.png"]))) == 4
    assert [source.name for source in list_sources(workspace, ["media"], 2)] == ["media/a.jpg", "media/b/10.png"]


def test_names_outside_the_workspace_hold_no_absolute_path(workspace, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.png").write_text("x")
    assert next(list_sources(workspace, [str(outside)])).name == f"{outside.name}/a.png"
    assert next(list_sources(workspace, [str(outside / "a.png")])).name == "a.png"


def test_a_manifest_names_files_beside_it_and_clips(workspace, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.mp4").write_text("x")
    rows = [{"path": "a.mp4"}, {"path": "a.mp4", "start": 1.5, "end": 4}, {"path": "gone.png"}, {"path": "list.jsonl"}]
    (tmp_path / "data" / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole, clip, gone, text = list_sources(workspace, ["data/list.jsonl"])
    assert isinstance(whole, Source) and whole.name == "data/a.mp4"
    assert (clip.name, clip.start, clip.end) == ("data/a.mp4#t=1.5,4", 1.5, 4.0)
    assert [gone.row["reason"], text.row["reason"]] == ["File not found.", "It is not an image, audio or video file."]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"file": "a"}', '{"path": "a", "start": "x"}', '{"path": "a", "start": 3, "end": 2}']
)
def test_a_bad_row_is_a_reject_with_its_line_and_the_rest_goes_on(workspace, tmp_path, line):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / "list.jsonl").write_text(f'{{"path": "a.png"}}\n{line}\n{{"path": "b.png"}}\n')
    first, refused, last = list_sources(workspace, ["list.jsonl"])
    assert (first.name, last.name) == ("a.png", "b.png")
    assert refused.row["path"] == "list.jsonl, line 2" and refused.row["reason"]
    assert survey_sources(workspace, ["list.jsonl"]).refused == 1


def test_a_file_of_other_rows_is_told_to_be_no_manifest(workspace, tmp_path):
    (tmp_path / "list.jsonl").write_text('{"messages": []}\n' * 3)
    with pytest.raises(InputError, match=r"list\.jsonl, line 1"):
        survey_sources(workspace, ["list.jsonl"])


def test_wrong_paths_empty_folders_and_nothing_at_all_are_told(workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no file or folder"):
        survey_sources(workspace, ["nowhere"])
    for source in ("seris:data", str(tmp_path / "seris:data")):
        with pytest.raises(InputError) as told:
            survey_sources(workspace, [source])
        assert "series:data" in told.value.hint
    with pytest.raises(InputError, match="No file matches the pattern"):
        survey_sources(workspace, ["*.png"])
    with pytest.raises(InputError, match="No image, audio or video files in empty"):
        survey_sources(workspace, ["empty"])
    with pytest.raises(InputError, match=r"\(1 file of other kinds\)"):
        survey_sources(workspace, ["texts"])
    with pytest.raises(InputError, match="is not an image, audio or video file"):
        survey_sources(workspace, ["texts/a.txt"])
    with pytest.raises(UsageError, match="No sources"):
        survey_sources(workspace, [])


def test_the_kinds_of_files_that_are_left_out_are_counted(workspace, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.txt", "b.txt", "c.xyz", "README"):
        (tmp_path / "data" / name).write_text("x")
    Image.new("RGB", (4, 4)).save(tmp_path / "data" / "d.png")
    survey = survey_sources(workspace, ["data"])
    assert survey.kinds_left_out == {".txt": 2, ".xyz": 1, "": 1} and survey.ignored == 4
    assert ".txt 2" in survey.left_out and ".xyz 1" in survey.left_out


@pytest.mark.parametrize("stored, written", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_are_found_however_their_letters_are_composed(workspace, tmp_path, stored, written):
    stored, written = (unicodedata.normalize(form, "bücher/Café.png") for form in (stored, written))
    (tmp_path / stored).parent.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / stored)
    (tmp_path / "list.jsonl").write_text(json.dumps({"path": written}) + "\n", encoding="utf-8")
    for source in ("list.jsonl", written):
        (found,) = list_sources(workspace, [source])
        assert found.file == str(tmp_path / stored) and found.modality == "image"


def test_a_name_that_is_not_utf8_can_be_written_in_a_manifest(workspace, tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / name)
    (tmp_path / "list.jsonl").write_text('{"path": "caf\\udce9.png"}\n')
    (found,) = list_sources(workspace, ["list.jsonl"])
    assert found.file == str(tmp_path / name)
