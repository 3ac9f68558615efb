"""`macaw chat`, run as a user runs it: one prompt, piped lines, and a real pseudo-terminal."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time

import pytest
import tiny_macaw
from typer.testing import CliRunner

from macaw_cli.basics.errors import UsageError
from macaw_cli.main import app

CHAT = [sys.executable, "-m", "macaw_cli", "chat"]
IN_ITS_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("prompt", ["", "  "])
def test_an_empty_prompt_is_refused(prompt):
    told = CliRunner().invoke(app, ["chat", "--prompt", prompt])
    assert isinstance(told.exception, UsageError) and "--prompt" in told.exception.problem


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("workspace"))


def chat(folder, *arguments, lines=None):
    given = {"stdin": subprocess.DEVNULL} if lines is None else {"input": "".join(f"{line}\n" for line in lines)}
    return subprocess.run([*CHAT, *arguments], capture_output=True, text=True, cwd=folder, check=False, **given)


def test_one_prompt_as_json_keeps_the_contract(workspace):
    media = ("--image", "media/red.png", "--video", "media/film.mp4")
    done = chat(workspace, *media, "--prompt", "What is this?", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"answer", "model", "attachments", "finish_reason", "usage", "timings"}
    assert re.fullmatch("[a-z]{1,12}", told["answer"])
    assert told["model"] == "runs/tiny/model"
    assert told["attachments"] == [
        {"path": "media/red.png", "modality": "image", "soft_tokens": 16, "pixels": [40, 30]},
        {"path": "media/film.mp4", "modality": "video", "soft_tokens": 48, "pixels": [64, 48], "frames": 3,
         "frame_span_s": [0.167, 0.833]},
        {"path": "media/film.mp4", "modality": "audio", "soft_tokens": 55, "heard_s": 1.088, "duration_s": 1.088},
    ]
    assert told["usage"]["completion_tokens"] == len(told["answer"])
    assert told["usage"]["prompt_tokens"] > 16 + 48 + 55
    assert set(told["timings"]) == {"first_token_s", "tokens_per_s"}
    assert "media/film.mp4: video, 64x48 pixels, 3 frames between 0.2 and 0.8 s, 48 soft tokens" in done.stderr


def test_piped_lines_are_turns_and_nothing_but_answers_is_on_stdout(workspace):
    lines = ["Hello?", "", "/image media/red.png What?", "/blind", "/clear", "Hello?", "/exit", "Not read"]
    done = chat(workspace, lines=lines)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == 4
    assert all(re.fullmatch("[a-z]{1,12}", answer) for answer in answers)
    assert answers[0] == answers[3]
    assert answers[1] != answers[2]


def test_in_a_terminal_one_can_attach_complete_stop_and_leave(workspace):
    with Typist(workspace, "--set", "chat.max_new_tokens=400") as typist:
        typist.expect("Chatting with runs/tiny/model")
        typist.expect("> ")
        typist.type("/im\t")
        typist.expect(r"/image\s")
        typist.type("media/re\t")
        typist.expect("media/red.png")
        typist.type(" What is this?\r")
        typist.expect("16 soft tokens")
        typist.expect("tokens/s")
        typist.expect("> ")
        typist.type("/nothing\r")
        typist.expect("There is no command /nothing.")
        typist.type("/blind\r")
        typist.expect("tokens/s")
        typist.expect("> ")
        typist.type("half a line")
        typist.expect("half a line")
        typist.interrupt()
        typist.interrupt()
        typist.expect("Ctrl-D or /exit leaves.")
        typist.expect("> ")
        typist.type("\x04")
        assert typist.exit_code() == 0


def test_ctrl_c_stops_the_answer_and_not_the_chat(workspace):
    with Typist(workspace, "--set", "chat.max_new_tokens=500") as typist:
        typist.expect("> ")
        typist.type("Tell me everything\r")
        typist.expect(r"\s[a-z]{30}")
        typist.interrupt()
        typist.expect(r", stopped\]")
        typist.expect("> ")
        typist.type("/exit\r")
        assert typist.exit_code() == 0


def test_another_answer_is_shown_beside_the_given_one(workspace):
    with Typist(workspace) as typist:
        typist.expect("> ")
        typist.type("./media/red.png What is it?\r")
        typist.expect(r"red.png: image, 40x30 pixels, 16 soft tokens\s[\s.]*([a-z]+)\s")
        typist.expect("> ")
        typist.type("/blind\r")
        typist.expect(r"Answer +Without media")
        typist.expect(r"[a-z]+ +[a-z]+")
        typist.expect("> ")
        typist.type("/swap media/blue.png\r")
        typist.expect(r"Answer +With blue.png")
        typist.expect("> ")
        typist.type("/swap media/beep.wav\r")
        typist.expect("No audio has been asked about")
        typist.type("/exit\r")
        assert typist.exit_code() == 0


def test_a_conversation_is_saved_and_gone_on_with_and_the_history_is_private(workspace):
    with Typist(workspace) as typist:
        typist.expect("> ")
        typist.type("/image media/red.png What is it?\r")
        typist.expect("tokens/s")
        typist.type("/save talk.json\r")
        typist.expect("Saved 1 turn to talk.json")
        typist.type("/save macaw.yaml\r")
        typist.expect("macaw.yaml exists")
        typist.type("/reset\r")
        typist.expect("A new conversation")
        typist.type("/load talk.json\r")
        typist.expect("Loaded 1 turn from talk.json")
        typist.type("/info\r")
        typist.expect("In turn 1: .*red.png")
        typist.type("/help\r")
        typist.expect("/regenerate ")
        typist.expect("begins with a slash")
        typist.expect("> ")  # between prompts the terminal itself takes Ctrl-D
        typist.type("\x04")
        assert typist.exit_code() == 0
    history = workspace / "state/macaw/chat-history.jsonl"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "/load talk.json" in [json.loads(line) for line in history.read_text().splitlines()]
    (workspace / "talk.json").unlink()


def test_a_medium_comes_from_standard_input(workspace):
    content = (workspace / "media/red.png").read_bytes()
    command = [*CHAT, "--media", "-", "--prompt", "What?", "--json"]
    done = subprocess.run(command, input=content, capture_output=True, cwd=workspace, check=True)
    assert json.loads(done.stdout)["attachments"] == [
        {"path": "-", "modality": "image", "soft_tokens": 16, "pixels": [40, 30]}
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json"],
        ["--batch", "q.jsonl", "--prompt", "x"],
        ["--batch", "q.jsonl", "--image", "media/red.png"],
        ["--out", "a.jsonl"],
        ["--temperature", "0", "--top-k", "3", "--prompt", "x"],
        ["--top-p", "3", "--prompt", "x"],
        ["--seed", "-1", "--prompt", "x"],
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(workspace, arguments):
    done = CliRunner().invoke(app, ["chat", "--config", str(workspace), *arguments])
    assert isinstance(done.exception, UsageError)


class Typist:
    """A person at a pseudo-terminal."""

    def __init__(self, folder, *arguments):
        self.terminal, inside = pty.openpty()
        # not pty.fork: a child of this process, which has threads, may wait for ever for a lock that one of them held
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_ITS_OWN_TERMINAL, *CHAT, *arguments],
            cwd=folder, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            env=os.environ | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(folder / "state")},
        )  # fmt: skip
        os.close(inside)
        self.raw, self.seen = "", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def interrupt(self):
        self.type("\x03")

    def expect(self, pattern, seconds=60):
        """Wait until `pattern` is on the screen, and forget everything up to its end."""
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self.shown())):
            assert time.monotonic() < until, f"{pattern!r} never came; the screen ends in {self.raw[-500:]!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    self.raw += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"the chat ended before {pattern!r}: {self.raw!r}") from None
        self.seen += found.end()

    def shown(self):
        """What came since, without what moves the cursor; steps to the right are spaces."""
        whole = re.sub(r"\x1b[^@-~]?[^@-~]*$", "", self.raw)  # a sequence of which the end has not come
        text = re.sub(r"\x1b\[(\d*)C", lambda found: " " * int(found[1] or 1), whole)
        return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08]|\x1b.", "", text)[self.seen :]

    def exit_code(self, seconds=60):
        return self.process.wait(seconds)
