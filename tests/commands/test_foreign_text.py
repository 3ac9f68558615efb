"""The real command line, fed with text that would colour, overwrite, retitle or reverse a terminal."""

import json
import os
import subprocess
import sys

import pytest
import written_run

HOSTILE = "a\x1b]0;title\x07\x1b[31m[bold red]b\u202ec\x9b5m\rd\ne"
SHOWN = "a[bold red]bc d e"


def macaw(folder, *words, **environment):
    """What the command writes to its standard streams, together; nothing of it may move a cursor."""
    ended = subprocess.run(
        [sys.executable, "-m", "macaw_cli", *words], cwd=folder, capture_output=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    text = (ended.stdout + ended.stderr).decode()
    assert not [letter for letter in text if is_obeyed(letter)], text
    assert "Traceback" not in text
    return ended.returncode, text


def is_obeyed(letter):
    code = ord(letter)
    return (code < 32 and letter != "\n") or 0x7F <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069


@pytest.fixture
def rows(tmp_path):
    """A source file with a hostile name, hostile kinds and a hostile role."""
    name = HOSTILE.replace("\n", " ") + ".jsonl"
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    found = [{"id": str(number), "kind": HOSTILE, "messages": talk} for number in range(9)]
    found.append({"id": HOSTILE, "messages": [{"role": HOSTILE, "content": "q"}]})
    (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in found))
    return name


def test_kinds_source_names_and_reasons_of_a_dataset(tmp_path, rows):
    words = ("--source", f"jsonl:{rows}", "--set", "dataset.max_reject_ratio=1")
    code, planned = macaw(tmp_path, "build-dataset", *words, "--plan")
    assert code == 0 and planned.count(SHOWN) >= 2
    code, built = macaw(tmp_path, "build-dataset", *words)
    assert code == 0 and built.count(SHOWN) >= 2
    code, seen = macaw(tmp_path, "inspect", "dataset")
    assert code == 0 and seen.count(SHOWN) >= 2
    code, as_json = macaw(tmp_path, "inspect", "dataset", "--json")
    assert code == 0 and HOSTILE in json.loads(as_json[: as_json.rindex("}") + 1])["kinds"]["train"]


def test_names_and_settings_of_runs(tmp_path):
    runs = [
        written_run.write_run(tmp_path / f"{HOSTILE}{number}", stages=(HOSTILE, "tune"), name=HOSTILE)
        for number in range(2)
    ]
    code, seen = macaw(tmp_path, "inspect", runs[0].name)
    assert code == 0 and SHOWN in seen
    code, compared = macaw(tmp_path, "inspect", *(run.name for run in runs))
    assert code == 0 and compared.count(SHOWN) >= 2


def test_keys_and_values_of_a_macaw_yaml(tmp_path):
    (tmp_path / "macaw.yaml").write_text('"a\\e[31m\\x9bb": 1\n"seed": "\\e[31mx"\n')
    code, told = macaw(tmp_path, "doctor")
    assert code == 2 and "`a`" in told


@pytest.mark.parametrize("words", [("inspect", HOSTILE), ("inspect", f"--{HOSTILE}"), (HOSTILE,),
                                   ("doctor", "--set", f"{HOSTILE}=1"), ("doctor", "--config", HOSTILE),
                                   ("init", "x", "--preset", HOSTILE)])  # fmt: skip
def test_words_of_the_command_line_that_a_shell_took_from_file_names(tmp_path, words):
    code, told = macaw(tmp_path, *words)
    assert code in (1, 2) and "b" in told


def test_a_folder_in_the_next_command_is_quoted(tmp_path):
    code, told = macaw(tmp_path, "init", "a'b; rm -rf x\x1b[31m")
    assert code == 0 and told.rstrip().endswith(r"Next: cd $'a\'b; rm -rf x\x1b[31m' && macaw extract-features")


def test_a_name_that_is_not_utf8_is_shown_by_its_bytes(tmp_path):
    code, told = macaw(tmp_path, "inspect", os.fsdecode(b"caf\xe9"))
    assert code == 1 and "caf\\xe9" in told


def test_the_reason_of_a_server_is_stripped(tmp_path):
    code, _ = macaw(tmp_path, "inspect", f"http://127.0.0.1:9/{HOSTILE}".replace("\n", ""))
    assert code == 1
