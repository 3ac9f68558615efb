"""Media by path, by URL and from standard input."""

import io
import sys

import fsspec
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.inference import media_sources
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders


@pytest.fixture(scope="module")
def attacher(workspace_folder):
    model, processor = load_model(workspace_folder / "runs/tiny")
    workspace = open_workspace(workspace_folder)
    return Attacher(model.config, ModelEncoders(model, processor, workspace_folder / "runs/tiny/model", workspace))


@pytest.fixture
def sources(attacher):
    with MediaSources(attacher) as made:
        yield made


@pytest.fixture
def given(monkeypatch, workspace_folder):
    """Bytes on standard input."""

    def put(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def test_a_file_url_and_a_path_are_the_same(sources, workspace_folder):
    path = workspace_folder / "media/red.png"
    by_path, by_url = sources.attach(str(path)), sources.attach(f"file://{path}")
    assert by_path[0].sha256 == by_url[0].sha256
    assert by_path[0].path == by_url[0].path == str(path)


def test_a_modality_may_stand_before_the_path(sources, workspace_folder):
    place = f"image:{workspace_folder / 'media/red.png'}"
    media_sources.require_files([place])
    (attached,) = sources.attach(place)
    assert attached.modality == "image"
    with pytest.raises(InputError, match=r"series:.*\.csv"):
        sources.attach(str(workspace_folder / "table.csv"))
    with pytest.raises(InputError, match="not trained on series"):
        sources.attach(f"series:{workspace_folder / 'media/red.png'}")


def test_a_url_is_fetched_once_and_shown_without_its_secrets(sources, workspace_folder, capsys):
    memory = fsspec.filesystem("memory")
    memory.pipe("/talk/red.png", (workspace_folder / "media/red.png").read_bytes())
    (one,) = sources.attach("memory://talk/red.png", "image")
    memory.rm("/talk/red.png")
    (again,) = sources.attach("memory://talk/red.png")
    assert (one.path, one.modality) == (again.path, again.modality) == ("memory://talk/red.png", "image")
    assert sources.file_of(one.path).is_file()
    assert capsys.readouterr().err.count("Fetching memory://talk/red.png") == 1


def test_what_was_fetched_is_removed_at_the_end(attacher, workspace_folder):
    fsspec.filesystem("memory").pipe("/talk/red.png", (workspace_folder / "media/red.png").read_bytes())
    with MediaSources(attacher) as sources:
        sources.attach("memory://talk/red.png")
        file = sources.file_of("memory://talk/red.png")
        assert file.is_file()
    assert not file.parent.exists()


def test_only_the_newest_fetched_files_stay_on_the_disk(sources, workspace_folder, monkeypatch):
    monkeypatch.setattr(media_sources, "KEPT", 2)
    for number in range(4):
        url = f"memory://talk/{number}.png"
        fsspec.filesystem("memory").pipe(f"/talk/{number}.png", (workspace_folder / "media/red.png").read_bytes())
        sources.attach(url)
    assert len(list(sources.file_of(url).parent.iterdir())) == 2


@pytest.mark.parametrize(("file", "modality"), [("red.png", "image"), ("beep.wav", "audio"), ("film.mp4", "video")])
def test_standard_input_is_told_by_its_content(sources, workspace_folder, given, file, modality):
    given((workspace_folder / "media" / file).read_bytes())
    attached = sources.attach("-")
    assert (attached[0].path, attached[0].modality) == ("-", modality)


def test_what_standard_input_cannot_be_is_told(sources, given):
    given(b"just text")
    with pytest.raises(InputError, match=r"Standard input is not .*--audio"):
        sources.attach("-")


def test_empty_standard_input_is_told(sources, given):
    given(b"")
    with pytest.raises(InputError, match="standard input is empty"):
        sources.attach("-", "image")


def test_a_file_that_is_too_large_is_not_fetched_to_its_end(sources, monkeypatch):
    monkeypatch.setattr(media_sources, "MOST_BYTES", 1000)
    fsspec.filesystem("memory").pipe("/talk/large.png", b"\x89PNG\r\n\x1a\n" + bytes(5000))
    with pytest.raises(InputError, match=r"memory://talk/large.png is larger"):
        sources.attach("memory://talk/large.png")


@pytest.mark.parametrize("url", ["memory://talk/none.png", "local:///etc/passwd", "zip://a.png::memory://b"])
def test_urls_that_lead_nowhere_or_to_files_of_this_machine_are_refused(sources, url):
    with pytest.raises(InputError):
        sources.attach(url, "image")


def test_a_file_of_no_known_kind_is_told(sources, tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(InputError, match=r"notes.txt is not an image"):
        sources.attach(str(tmp_path / "notes.txt"))
