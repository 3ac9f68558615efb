"""Examples are earlier turns, typed at the prompt or on the command line, of one question or of many."""

import io
import json
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.chat import saved
from macaw_cli.chat.batch import Batch
from macaw_cli.chat.examples import example_turn, read_example
from macaw_cli.chat.lines import Do, read_line
from macaw_cli.chat.run import Request, chat
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.turns import Turn
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders

SETTINGS = ChatSettings(max_new_tokens=8, batch_size=2)


@pytest.fixture(scope="module")
def parts(workspace_folder):
    model, processor = load_model(workspace_folder / "runs/tiny")
    workspace = open_workspace(workspace_folder)
    encoders = ModelEncoders(model, processor, workspace_folder / "runs/tiny/model", workspace)
    with MediaSources(Attacher(model.config, encoders)) as sources:
        yield model, processor.encoder, sources


@pytest.fixture
def media(workspace_folder):
    return workspace_folder / "media"


def said(pieces):
    return "".join(pieces)


@pytest.mark.parametrize(("typed", "places", "question", "answer"), [
    ("What is 1 + 1? => 2", (), "What is 1 + 1?", "2"),
    ("{media}/red.png What is it? => red => and round", ("{media}/red.png",), "What is it?", "red => and round"),
    ("{media}/red.png '{media}/beep.wav' Both?=>yes", ("{media}/red.png", "{media}/beep.wav"), "Both?", "yes"),
    ("https://example.org/a.png What? => red", ("https://example.org/a.png",), "What?", "red"),
    ("nowhere.png What? => red", ("nowhere.png",), "What?", "red"),
])  # fmt: skip
def test_an_example_is_media_question_and_answer(media, typed, places, question, answer):
    found = read_example(typed.format(media=media))
    assert found.places == tuple(place.format(media=media) for place in places)
    assert (found.question, found.answer) == (question, answer)


@pytest.mark.parametrize(("typed", "lacking"), [
    ("What is it? A cat.", "=>"), ("=> A cat.", "question"), ("{media}/red.png => red", "question"),
    ("What is it? =>", "answer"),
])  # fmt: skip
def test_what_lacks_a_part_is_told_with_an_example(media, typed, lacking):
    with pytest.raises(InputError, match=lacking) as told:
        read_example(typed.format(media=media))
    assert "=>" in told.value.hint


def test_the_command_needs_its_argument():
    assert read_line("/example What? => That.") == Do("example", "What? => That.")
    with pytest.raises(InputError, match="question"):
        read_line("/example")


def test_an_example_changes_the_next_answer_as_an_earlier_turn_does(parts, media):
    model, encoder, sources = parts
    talk = ChatSession(model, encoder, SETTINGS)
    talk.show(example_turn(f"{media}/red.png What is it? => A red one.", sources.attach))
    talk.attach(sources.attach(str(media / "blue.png")))
    shown = said(talk.ask("What is it?"))
    spoken = ChatSession(model, encoder, SETTINGS)
    spoken.go_on_from([Turn("What is it?", tuple(sources.attach(str(media / "red.png"))), "A red one.")], [])
    spoken.attach(sources.attach(str(media / "blue.png")))
    assert said(spoken.ask("What is it?")) == shown
    alone = ChatSession(model, encoder, SETTINGS)
    alone.attach(sources.attach(str(media / "blue.png")))
    assert said(alone.ask("What is it?")) != shown


def test_attached_media_go_with_the_example_and_it_can_be_taken_back(parts, media):
    model, encoder, sources = parts
    talk = ChatSession(model, encoder, SETTINGS)
    talk.attach(sources.attach(str(media / "red.png")))
    talk.show(example_turn("What is it? => red", sources.attach, talk.pending))
    assert talk.pending == []
    with pytest.raises(InputError, match="question"):  # its answer is the user's
        next(talk.regenerate())
    undone = talk.undo()
    assert undone.is_example
    assert [one.modality for one in talk.pending] == ["image"]


def test_a_saved_conversation_keeps_what_is_an_example(parts, media, tmp_path):
    _, _, sources = parts
    turns = [example_turn(f"{media}/red.png What? => red", sources.attach), Turn("Why?", (), "so")]
    saved.save(tmp_path / "talk.json", saved.Conversation("m", "", turns, []), replaces=False)
    found = saved.load(tmp_path / "talk.json", sources.attach)
    assert [turn.is_example for turn in found.turns] == [True, False]


def test_examples_stand_before_every_question_of_a_file(parts, media, tmp_path):
    model, encoder, sources = parts
    names = "red.png", "film.mp4"
    examples = [example_turn(f"{media}/{name} What is it? => {name}", sources.attach) for name in names]
    asked = [{"id": "a", "prompt": "What is it?", "image": str(media / "blue.png")}, {"id": "b", "prompt": "Why?"},
             {"id": "c", "prompt": "What is it?", "video": str(media / "film.mp4")}]  # fmt: skip
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))

    def run(examples, name):
        batch = Batch(Engine.of(model, encoder), encoder, SETTINGS, 0, sources, "m", examples)
        batch.run(tmp_path / "q.jsonl", tmp_path / name)
        return {row["id"]: row["answer"] for row in map(json.loads, (tmp_path / name).read_text().splitlines())}

    shown = run(examples, "shown.jsonl")
    assert shown != run([], "plain.jsonl")
    for row in asked:
        talk = ChatSession(model, encoder, SETTINGS)
        for example in examples:
            talk.show(example)
        for modality in ("image", "video"):
            if modality in row:
                talk.attach(sources.attach(row[modality], modality))
        assert said(talk.ask(row["prompt"])) == shown[row["id"]]


def test_examples_of_the_command_line_and_of_the_prompt_are_the_same(workspace_folder, media, monkeypatch, capsys):
    workspace = open_workspace(workspace_folder)
    example = f"{media}/red.png What is it? => A red one."
    run, images = workspace_folder / "runs/tiny", {"image": [str(media / "blue.png")]}
    chat(workspace, Request(run, images, "What is it?", examples=[example]))
    by_option = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"/example {example}\n/image {media}/blue.png\nWhat is it?\n"))
    chat(workspace, Request(run, {}))
    captured = capsys.readouterr()
    assert captured.out == by_option
    assert "1 example" in captured.err
    chat(workspace, replace(Request(run, images, "What is it?"), as_json=True, examples=[example]))
    assert json.loads(capsys.readouterr().out)["answer"] == by_option.strip("\n")
