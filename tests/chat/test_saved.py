"""A conversation goes to a file and comes back, and nothing else is taken for one."""

import json

import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.chat import saved
from macaw_cli.chat.turns import Turn
from macaw_cli.config.loading import open_workspace
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders


@pytest.fixture(scope="module")
def sources(workspace_folder):
    model, processor = load_model(workspace_folder / "runs/tiny")
    workspace = open_workspace(workspace_folder)
    encoders = ModelEncoders(model, processor, workspace_folder / "runs/tiny/model", workspace)
    with MediaSources(Attacher(model.config, encoders)) as made:
        yield made


@pytest.fixture
def talk(sources, workspace_folder):
    image = tuple(sources.attach(str(workspace_folder / "media/red.png"), "image"))
    video = sources.attach(str(workspace_folder / "media/film.mp4"), "video")
    turns = [Turn("What?", image, "red\n\x1b", 2), Turn("Why?", (), "")]
    return saved.Conversation("runs/tiny/model", "Be kind.", turns, video)


def test_a_conversation_comes_back_whole(talk, sources, tmp_path):
    file = tmp_path / "talk.json"
    saved.save(file, talk, replaces=False)
    found = saved.load(file, sources.attach)
    assert (found.model, found.system) == (talk.model, talk.system)
    for new, old in zip(found.turns, talk.turns, strict=True):
        assert (new.question, new.answer, new.attempt) == (old.question, old.answer, old.attempt)
        assert [(one.path, one.sha256, one.shape) for one in new.attachments] == [
            (one.path, one.sha256, one.shape) for one in old.attachments
        ]
    assert [(one.modality, one.soundtrack) for one in found.pending] == [("video", False), ("audio", True)]


def test_media_beside_the_file_are_relative_so_that_the_folder_can_be_moved(sources, workspace_folder, tmp_path):
    (tmp_path / "there").mkdir()
    image = tmp_path / "there/red.png"
    image.write_bytes((workspace_folder / "media/red.png").read_bytes())
    talk = saved.Conversation("m", "", [Turn("What?", tuple(sources.attach(str(image))), "x")], [])
    saved.save(tmp_path / "there/talk.json", talk, replaces=False)
    moved = (tmp_path / "there").rename(tmp_path / "moved")
    (found,) = saved.load(moved / "talk.json", sources.attach).turns
    assert found.attachments[0].path == str(moved / "red.png")


def test_another_file_is_never_replaced(talk, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(InputError, match=r"notes.txt exists"):
        saved.save(file, talk, replaces=False)
    (tmp_path / "link.json").symlink_to(file)
    with pytest.raises(InputError, match=r"link.json exists \(a link\)"):
        saved.save(tmp_path / "link.json", talk, replaces=True)
    with pytest.raises(InputError, match="no folder"):
        saved.save(tmp_path / "nowhere/talk.json", talk, replaces=False)
    assert file.read_text() == "mine"
    saved.save(tmp_path / "talk.json", talk, replaces=False)
    saved.save(tmp_path / "talk.json", talk, replaces=True)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda content: content.pop("kind"), InputError, "no saved conversation"),
        (lambda content: content.update(version=2), MismatchError, "2"),
        (lambda content: content.update(turns={}), InputError, "turns"),
        (lambda content: content["turns"][0].pop("answer"), InputError, r"turns\.0\.answer"),
        (lambda content: content["turns"][0]["media"][0].update(modality="smell"), InputError, "smell"),
        (lambda content: content["turns"][0]["media"][0].update(sha256="00" * 32), MismatchError, "red.png has"),
        (lambda content: content["turns"][0]["media"][0].update(path="/nowhere.png"), InputError, "nowhere.png"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(talk, sources, tmp_path, change, error, told):
    file = tmp_path / "talk.json"
    saved.save(file, talk, replaces=False)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(error, match=told):
        saved.load(file, sources.attach)


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "\x00", "[" * 5000])
def test_what_is_no_conversation_is_refused(sources, tmp_path, content):
    file = tmp_path / "talk.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"talk.json"):
        saved.load(file, sources.attach)
    for missing in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError):
            saved.load(missing, sources.attach)
