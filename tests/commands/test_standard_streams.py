"""Standard streams that are closed, full or of another encoding: one line and the right exit code."""

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace with a dataset whose kind is no ASCII."""
    root = tmp_path_factory.mktemp("streams")
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [{"id": str(number), "kind": "Vögel 猫", "messages": talk} for number in range(9)]
    (root / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "macaw.yaml").write_text("dataset: {sources: [jsonl:c.jsonl]}\n")
    assert shell(root, "$M build-dataset").returncode == 0
    return root


def shell(folder, line):
    program = f"set -o pipefail; M='{sys.executable} -m macaw_cli'; {line}"
    return subprocess.run(["bash", "-c", program], cwd=folder, capture_output=True, check=False)


@pytest.mark.parametrize(
    "line",
    ["inspect dataset >&-", "inspect dataset > /dev/full", "inspect dataset --json > /dev/full",
     "build-dataset --out first >&-", "build-dataset --out second > /dev/full", "init third >&-", "doctor --json >&-",
     "--help >&-", "--help > /dev/full"],
)  # fmt: skip
def test_standard_output_that_takes_nothing_is_one_clear_line_and_exit_code_1(folder, line):
    ended = shell(folder, f"$M {line}")
    told = ended.stderr.decode().splitlines()
    assert ended.returncode == 1 and ended.stdout == b""
    assert [line for line in told if line.startswith("Error: ")] and len(told) <= 2


@pytest.mark.parametrize("line", ["inspect dataset", "inspect dataset --json", "--help"])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(folder, line):
    ended = shell(folder, f"(sleep 1; $M {line}) | true")  # the reader is gone by then, also on a busy machine
    assert (ended.returncode, ended.stdout, ended.stderr) == (141, b"", b"")


@pytest.mark.parametrize(
    ("line", "code"),
    [("inspect dataset 2> /dev/full", 0), ("inspect dataset <&- 2>&-", 0), ("inspect nothing 2>&-", 1),
     ("nothing 2> /dev/full", 2)],
)  # fmt: skip
def test_standard_error_that_takes_nothing_changes_no_result(folder, line, code):
    ended = shell(folder, f"$M {line}")
    assert (ended.returncode, b"Conversations" in ended.stdout) == (code, code == 0)


def test_a_full_standard_output_is_not_taken_for_a_full_disk(folder):
    """Where Python does not buffer, rich meets the full stream first."""
    ended = shell(folder, "export PYTHONUNBUFFERED=1; $M build-dataset --out fourth > /dev/full")
    assert ended.returncode == 1 and b"Standard output" in ended.stderr and b"fourth" not in ended.stderr


def test_no_file_takes_the_place_of_a_closed_stream(folder):
    """It would get whatever a library prints."""
    assert shell(folder, "$M build-dataset --out other <&- 2>&-").returncode == 0
    for name in ("dataset.json", "index.jsonl", "train-000000.tar"):
        assert (folder / "other" / name).read_bytes() == (folder / "dataset" / name).read_bytes()


@pytest.mark.parametrize(
    ("setting", "words", "code"),
    [("PYTHONIOENCODING=ascii", "inspect dataset", 0), ("PYTHONIOENCODING=ascii", "inspect dataset --json", 0),
     ("PYTHONIOENCODING=latin-1", "inspect dataset", 0),
     ("PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C", "inspect Vögel", 1), ("PYTHONIOENCODING=ascii", "Vögel", 2)],
)  # fmt: skip
def test_letters_that_a_stream_cannot_write_are_escapes(folder, setting, words, code):
    ended = shell(folder, f"export {setting}; $M {words}")
    assert ended.returncode == code and b"Traceback" not in ended.stderr
    assert (ended.stdout + ended.stderr).isascii() or "latin" in setting
    if "--json" in words:
        assert json.loads(ended.stdout)["kinds"]["train"] == {"Vögel 猫": 9}
