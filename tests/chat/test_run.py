"""`macaw chat` inside one process: what ends it with a clear message."""

import io
import json
from pathlib import Path

import pytest
import torch

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.chat import run as chat_run
from macaw_cli.chat.run import Request, chat
from macaw_cli.config.loading import Workspace, open_workspace
from macaw_cli.config.settings import Settings


@pytest.fixture
def typed(monkeypatch):
    """Lines on a stdin that is no terminal."""

    def lines(*texts):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{text}\n" for text in texts)))

    return lines


def test_an_error_on_piped_lines_ends_the_chat(workspace_folder, typed, capsys):
    typed("/image nowhere.png", "What is this?")
    with pytest.raises(InputError, match=r"nowhere.png.*entry 1 .*not read"):
        chat(open_workspace(workspace_folder), Request(None, {}))
    assert capsys.readouterr().out == ""
    typed("/help", "/foo", "What?")
    with pytest.raises(InputError, match=r"/foo.*entry 2 .*not read"):
        chat(open_workspace(workspace_folder), Request(None, {}))


def test_a_workspace_without_a_model_is_told(tmp_path):
    with pytest.raises(InputError, match="model"):
        chat(Workspace(tmp_path, Settings()), Request(None, {}, "Hello?"))


def test_a_path_without_a_model_is_told(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        chat(Workspace(tmp_path, Settings()), Request(tmp_path / "nowhere", {}, "Hello?"))


def test_a_model_of_another_kind_is_told_with_what_loads_it(tmp_path):
    (tmp_path / "llava").mkdir()
    (tmp_path / "llava/config.json").write_text('{"model_type": "llava"}')
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf/model-f16.gguf").touch()
    for name, named in (("llava", "import-checkpoint.*vLLM"), ("gguf", r"GGUF.*llama\.cpp")):
        with pytest.raises(InputError, match=named):
            chat(Workspace(tmp_path, Settings()), Request(tmp_path / name, {}, "Hello?"))


def test_a_file_with_too_many_errors_is_one_object_with_the_error(workspace_folder, tmp_path, capsys):
    questions = tmp_path / "q.jsonl"
    questions.write_text("no JSON\n")
    with pytest.raises(InputError, match="max_reject_ratio"):
        chat(open_workspace(workspace_folder), Request(None, {}, batch=questions, as_json=True))
    told = json.loads(capsys.readouterr().out)
    assert told["errors"] == 1
    assert told["error"]["kind"] == "InputError" and told["error"]["exit_code"] == 1


def test_attachments_of_the_command_line_go_with_the_first_line(workspace_folder, typed, capsys):
    image = {"image": [str(workspace_folder / "media/red.png")]}
    workspace = open_workspace(workspace_folder)
    typed("What is this?", "/help", "/blind")
    chat(workspace, Request(workspace_folder / "runs/tiny", image))
    lines = capsys.readouterr()
    seen, blind = lines.out.splitlines()
    assert seen != blind
    assert "red.png: image, 40x30 pixels, 16 soft tokens" in lines.err
    assert "/reset" in lines.err


def test_answers_are_generated_without_cudnns_attention_which_plans_for_every_length(
    workspace_folder, monkeypatch, capsys
):
    seen = []
    load = chat_run.load_model

    def loaded(folder, device):
        model, processor = load(folder, device)
        model.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cuda.cudnn_sdp_enabled()))
        return model, processor

    monkeypatch.setattr(chat_run, "load_model", loaded)
    chat(open_workspace(workspace_folder), Request(None, {}, "Hello?"))
    assert seen
    assert not any(seen)
    assert torch.backends.cuda.cudnn_sdp_enabled()


@pytest.mark.parametrize("media", [{"image": ["-"]}, {"image": ["-"], "audio": ["-"]}])
def test_standard_input_is_one_medium_of_one_prompt(workspace_folder, media):
    prompt = "What?" if len(media) > 1 else None
    with pytest.raises(UsageError, match="`-`"):
        chat(open_workspace(workspace_folder), Request(None, media, prompt))


@pytest.mark.parametrize("prompt", ["caf\udce9", "\ud800"])
def test_a_prompt_in_another_encoding_is_one_clear_error(tmp_path, prompt):
    with pytest.raises(UsageError, match="--prompt is not UTF-8"):
        chat(Workspace(tmp_path, Settings()), Request(None, {}, prompt))


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_piped_lines_in_another_encoding_are_one_clear_error(workspace_folder, monkeypatch, errors):
    stdin = io.TextIOWrapper(io.BytesIO("caf\u00e9?\n".encode("latin-1")), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError, match="not UTF-8") as told:
        chat(open_workspace(workspace_folder), Request(None, {}))
    assert told.value.exit_code == 2


@pytest.mark.parametrize("asked", [
    Request(None, {"image": ["nowhere.png"]}, "What?"), Request(None, {"audio": ["."]}, "What?"),
    Request(None, {}, "What?", files=["file:///nowhere.png"]), Request(None, {}, batch=Path("nowhere.jsonl")),
])  # fmt: skip
def test_nothing_is_loaded_for_a_file_that_is_not_there(workspace_folder, monkeypatch, asked):
    monkeypatch.setattr(chat_run, "load_model", lambda *_: pytest.fail("the model was loaded"))
    with pytest.raises(InputError, match=r"nowhere|folder"):
        chat(open_workspace(workspace_folder), asked)
