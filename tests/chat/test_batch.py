"""Many questions from a file: answered together, each once, however wrong some are and however often it is killed."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError, LockedError, MismatchError
from macaw_cli.basics.locks import file_lock
from macaw_cli.chat.batch import Batch, model_fingerprint
from macaw_cli.chat.batch_rows import batch_rows
from macaw_cli.chat.run import Request, chat
from macaw_cli.chat.session import ChatSession
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders

SETTINGS = ChatSettings(max_new_tokens=8, batch_size=3)
WRONG = {
    "not JSON": ("{", "line 1 is not valid JSON"),
    "no object": ("[]", "must be a JSON object"),
    "neither": ("{}", "neither"),
    "both": ('{"prompt": "a", "messages": []}', "both"),
    "empty messages": ('{"messages": []}', "messages"),
    "no question": ('{"messages": [{"role": "assistant", "content": "x"}]}', "messages"),
    "unknown role": ('{"messages": [{"role": "robot", "content": "x"}]}', r"messages\.0\.role"),
    "unknown part": ('{"messages": [{"role": "user", "content": [{"type": "smell"}]}]}', "smell"),
    "part without text": ('{"messages": [{"role": "user", "content": [{"type": "text"}]}]}', "no `text`"),
    "prompt of a number": ('{"prompt": 3}', "prompt"),
    "misspelt": ('{"prompt": "a", "images": "a.png"}', r"images .*image\?"),
    "half a character": ('{"prompt": "\\\\ud800"}'.replace("\\\\", "\\"), "half of a character"),
    "missing file": ('{"prompt": "a", "image": "nowhere.png"}', "nowhere.png does not exist"),
    "a folder": ('{"prompt": "a", "image": "."}', "is a folder"),
    "too long": (json.dumps({"prompt": "why " * 400}), "768"),
    "more places than media": ('{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', "image"),
}


@pytest.fixture(scope="module")
def parts(workspace_folder):
    model, processor = load_model(workspace_folder / "runs/tiny")
    workspace = open_workspace(workspace_folder)
    encoders = ModelEncoders(model, processor, workspace_folder / "runs/tiny/model", workspace)
    with MediaSources(Attacher(model.config, encoders)) as sources:
        yield model, processor.encoder, sources


@pytest.fixture
def answered(parts, tmp_path):
    """Answer lines of text; returns the outcome and the rows of answers by id."""

    def run(*lines, settings=SETTINGS, model="a"):
        (tmp_path / "q.jsonl").write_text("".join(f"{line}\n" for line in lines))
        loaded, encoder, sources = parts
        batch = Batch(Engine.of(loaded, encoder), encoder, settings, 0, sources, model)
        outcome = batch.run(tmp_path / "q.jsonl", tmp_path / "a.jsonl")
        return outcome, {row["id"]: row for row in map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())}

    return run


def test_answers_are_those_of_the_chat(parts, answered, workspace_folder):
    media = workspace_folder / "media"
    rows = [
        {"id": "a", "prompt": "What is it?", "image": f"{media}/red.png"},
        {"id": "b", "prompt": "And what is this long question about?", "image": [f"{media}/blue.png"]},
        {"prompt": "Hello?"},
        {"id": "d", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "yes"},
                                 {"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "Well?"}]}],
         "audio": f"{media}/beep.wav"},
        {"id": "e", "messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "hi"}]},
    ]  # fmt: skip
    outcome, found = answered(*map(json.dumps, rows))
    assert (outcome.questions, outcome.answered, outcome.errors) == (5, 5, 0)
    model, encoder, sources = parts
    session = ChatSession(model, encoder, SETTINGS)
    session.attach(sources.attach(f"{media}/red.png"))
    assert found["a"]["answer"] == "".join(session.ask("What is it?"))
    session.clear()
    assert found[3]["answer"] == found["e"]["answer"] == "".join(session.ask("Hello?"))
    assert found["a"]["usage"]["soft_tokens"] == {"image": 16}
    assert [one["modality"] for one in found["d"]["attachments"]] == ["audio"]


@pytest.mark.parametrize("name", WRONG)
def test_a_row_that_cannot_be_asked_is_an_error_row_and_the_others_go_on(answered, name):
    line, told = WRONG[name]
    outcome, found = answered(line, '{"id": "good", "prompt": "Hello?"}')
    assert (outcome.answered, outcome.errors) == (1, 1)
    assert "answer" in found["good"]
    (error,) = [row["error"] for row in found.values() if "error" in row]
    assert re.search(told, error["message"])


def test_what_is_answered_is_not_asked_again_and_errors_are(answered, workspace_folder, tmp_path):
    lines = ['{"id": 1, "prompt": "Hello?"}', '{"id": 2, "prompt": "What?", "image": "later.png"}']
    first, before = answered(*lines)
    assert (first.answered, first.errors) == (1, 1)
    (tmp_path / "later.png").write_bytes((workspace_folder / "media/red.png").read_bytes())
    second, after = answered(*lines, '{"id": 3, "prompt": "New?"}')
    assert (second.before, second.answered, second.errors) == (1, 2, 0)
    assert after[1] == before[1]
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 3


def test_other_questions_settings_or_models_do_not_mix_into_one_file(answered):
    answered('{"id": 1, "prompt": "Hello?"}')
    with pytest.raises(MismatchError, match="id 1"):
        answered('{"id": 1, "prompt": "Good morning?"}')
    with pytest.raises(MismatchError, match="id 1"):
        answered('{"id": 1, "prompt": "Hello?"}', settings=replace(SETTINGS, system="Be kind."))
    with pytest.raises(MismatchError, match="id 1"):
        answered('{"id": 1, "prompt": "Hello?"}', model="b")


def test_two_rows_of_one_id_are_told_before_any_work(answered, tmp_path):
    with pytest.raises(InputError, match=r"Lines 1 and 2 .* id 2.*number of its line"):
        answered('{"id": 2, "prompt": "a"}', '{"prompt": "b"}')
    with pytest.raises(InputError, match=r"Lines 2 and 4 .* id 2"):
        answered("", "no JSON", '{"prompt": "a"}', '{"id": 2, "prompt": "b"}')
    assert not (tmp_path / "a.jsonl").exists()


@pytest.mark.parametrize("content", ["my notes", "my notes\n", '{"mine": 1}\n', '{"id": 1}\n{"id"'])
def test_another_file_is_never_written_into(answered, tmp_path, content):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"a.jsonl holds something"):
        answered('{"id": 1, "prompt": "Hello?"}')
    assert (tmp_path / "a.jsonl").read_text() == content


def test_the_answers_may_not_replace_the_questions(answered, parts, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "a"}\n')
    model, encoder, sources = parts
    batch = Batch(Engine.of(model, encoder), encoder, SETTINGS, 0, sources, "a")
    with pytest.raises(InputError, match="cannot be written"):
        batch.run(tmp_path / "a.jsonl", tmp_path / "a.jsonl")


def test_a_torn_row_of_a_killed_command_is_answered_again(answered, tmp_path):
    _, before = answered('{"id": 1, "prompt": "Hello?"}', '{"id": 2, "prompt": "What?"}')
    file = tmp_path / "a.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    outcome, after = answered('{"id": 1, "prompt": "Hello?"}', '{"id": 2, "prompt": "What?"}')
    assert (outcome.before, outcome.answered) == (1, 1)
    assert after == before


def test_a_second_command_is_refused(answered, tmp_path):
    with file_lock(tmp_path / "a.jsonl"), pytest.raises(LockedError):
        answered('{"id": 1, "prompt": "Hello?"}')


def test_too_many_errors_are_told_after_the_good_ones_are_written(workspace_folder, tmp_path, capsys):
    (tmp_path / "q.jsonl").write_text('{"prompt": "Hello?"}\n{"image": "x"}\n')
    with pytest.raises(InputError, match=r"1 of 2 questions .*0.05"):
        chat(open_workspace(workspace_folder), Request(None, {}, batch=tmp_path / "q.jsonl", as_json=True))
    told = json.loads(capsys.readouterr().out)
    assert told.pop("error")["kind"] == "InputError"
    assert told == {"out": f"{tmp_path}/q.answers.jsonl", "questions": 2, "before": 0, "answered": 1, "errors": 1}
    assert len((tmp_path / "q.answers.jsonl").read_text().splitlines()) == 2


def test_a_model_is_told_from_another_by_its_weights(workspace_folder, tmp_path):
    folder = workspace_folder / "runs/tiny/model"
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    assert model_fingerprint(copy) == model_fingerprint(folder)
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 64 * 32] ^= 1
    weights.write_bytes(content)
    assert model_fingerprint(copy) != model_fingerprint(folder)


def test_rows_are_read_one_at_a_time(tmp_path):
    (tmp_path / "q.jsonl").write_text('\n{"prompt": "a"}\n\n{"prompt": "b"}')
    assert [(row.id, row.messages[0]["content"]) for row in batch_rows(tmp_path / "q.jsonl")] == [(2, "a"), (4, "b")]


def test_killed_at_any_moment_the_same_command_ends_with_the_same_answers(workspace_folder, tmp_path):
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(json.dumps({"id": n, "prompt": f"Question {n}?"}) + "\n" for n in range(40)))
    command = [
        sys.executable, "-m", "macaw_cli", "chat", "--config", str(workspace_folder), "--batch", str(questions),
        "--set", "chat.batch_size=2", "--max-new-tokens", "40",
    ]  # fmt: skip

    def rows(name):
        file = tmp_path / name
        return file.read_bytes().count(b"\n") if file.exists() else 0

    subprocess.run([*command, "--out", str(tmp_path / "whole.jsonl")], check=True, capture_output=True)
    killed = subprocess.Popen([*command, "--out", str(tmp_path / "killed.jsonl")], stderr=subprocess.DEVNULL)
    while rows("killed.jsonl") < 5:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert rows("killed.jsonl") < 40
    again = [*command, "--out", str(tmp_path / "killed.jsonl")]
    done = subprocess.run(again, capture_output=True, text=True, check=True)
    assert "of them before" in done.stdout
    whole, again = ((tmp_path / name).read_text().splitlines() for name in ("whole.jsonl", "killed.jsonl"))
    assert sorted(whole) == sorted(again) and len(again) == 40
