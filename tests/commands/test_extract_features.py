"""`macaw extract-features` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_macaw
from PIL import Image

from macaw_cli.main import cli

SHARED = Path(__file__).parents[3] / "shared" / "media"


@pytest.fixture
def macaw(monkeypatch, capsys):
    """Runs the command line as typed in a folder, in this process: importing torch anew costs seconds each time."""

    def run(folder, *words):
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["macaw", "extract-features", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli()
        told = capsys.readouterr()
        return subprocess.CompletedProcess(words, ended.value.code or 0, told.out, told.err)

    return run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "models"
    tiny_macaw.make_models(folder)
    return folder


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        Image.new("RGB", (40, 30), (number, 2, 3)).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def test_the_summary_says_what_was_made_and_what_to_type_next(pictures, models):
    words = [sys.executable, "-m", "macaw_cli", "extract-features", "pictures", "--image-encoder", models / "clip"]
    done = subprocess.run(words, cwd=pictures, text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Features: 3 images; 1 shard,")
    assert done.stdout.splitlines()[-1] == "Next: macaw build-dataset"
    assert "Extracting features" in done.stderr and "Warning" not in done.stderr
    assert (pictures / "features" / "image-000000.tar").is_file()


def test_json_is_exactly_one_object(macaw, pictures, models):
    (pictures / "pictures" / "text.jpg").write_text("no picture")
    done = macaw(pictures, "pictures", "--image-encoder", models / "clip", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["made"] == {"image": 3} and told["rejected"] == 1
    assert "1 of 4 inputs were rejected, more than --max-reject-ratio 0.05 allows" in done.stderr


@pytest.mark.parametrize(
    "words, code, told",
    [
        (["nowhere"], 1, "There is no file or folder"),
        (["empty"], 1, "No image, audio or video files"),
        ([], 2, "No sources"),
        (["pictures"], 2, "`features.image_encoder.model` is not set"),
        (["pictures", "--set", "features.framez=3"], 2, "did you mean `features.frames`"),
    ],
)
def test_wrong_use_is_told_in_a_line_without_a_traceback(macaw, pictures, words, code, told):
    (pictures / "empty").mkdir()
    done = macaw(pictures, *words)
    assert done.returncode == code and told in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_a_plan_writes_nothing(macaw, pictures, models):
    done = macaw(pictures, "pictures", "--image-encoder", models / "clip", "--plan")
    assert done.returncode == 0 and "images" in done.stdout and not (pictures / "features").exists()


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
def test_the_shared_media_give_six_good_files_and_one_reject(macaw, tmp_path, models):
    done = macaw(tmp_path, SHARED, "--image-encoder", models / "clip", "--audio-encoder", models / "whisper",
                 "--max-reject-ratio", "0.2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "features" / "manifest.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("path")]
    assert len({row["path"] for row in rows}) == 6 and len(rows) == 9  # three videos bring their soundtracks
    (reject,) = (tmp_path / "features" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["path"] == "media/corrupted.mp4" and "damaged at 3.0 s" in json.loads(reject)["reason"]
