"""Media as Python programs have them: every usual form is the file that it came from, and the rest is told."""

import io

import fsspec
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from macaw_cli import Engine
from macaw_cli.basics.errors import InputError, UsageError

OPTIONS = {"max_new_tokens": 8, "temperature": 0}


@pytest.fixture(scope="module")
def engine(workspace_folder):
    return Engine.from_pretrained(workspace_folder / "runs/tiny", workspace=workspace_folder)


@pytest.fixture(scope="module")
def media(workspace_folder):
    return workspace_folder / "media"


def features(engine, **said):
    return [one.features for one in engine._reader._attached(said)]


def assert_same(found, expected):
    assert [one.shape for one in found] == [one.shape for one in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_an_image_in_memory_is_its_file(engine, media):
    file = media / "red.png"
    image = Image.open(file)
    forms = [
        str(file), f"file://{file}", file.read_bytes(), bytearray(file.read_bytes()), io.BytesIO(file.read_bytes()),
        image, np.asarray(image.convert("RGB")), torch.from_numpy(np.array(image.convert("RGB"))),
        {"bytes": file.read_bytes(), "path": None}, {"path": str(file)}, [image],
    ]  # fmt: skip
    expected = features(engine, image=file)
    for form in forms:
        assert_same(features(engine, image=form), expected)
    assert_same(features(engine, image=[image, file]), expected * 2)
    assert features(engine, image=None) == []
    assert engine.answer("What?", image=image, **OPTIONS) == engine.answer("What?", image=file, **OPTIONS)


def test_an_image_in_memory_is_turned_as_its_file_is(engine, tmp_path):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    expected = features(engine, image=tmp_path / "turned.png")
    assert_same(features(engine, image=Image.open(tmp_path / "turned.png")), expected)
    assert not np.allclose(features(engine, image=image)[0], expected[0], atol=2e-3)


def test_audio_in_memory_is_its_file(engine, media):
    file = media / "beep.wav"
    samples, rate = soundfile.read(file, dtype="float32")
    whole = soundfile.read(file, dtype="int16")[0]
    forms = [
        (samples, rate), (samples.astype(np.float64), float(rate)), (whole, rate), (samples.tolist(), rate),
        (whole.astype(np.int32) << 16, rate), (torch.from_numpy(samples)[None], rate), (np.stack([samples] * 2), rate),
        {"array": samples, "sampling_rate": rate}, {"raw": samples, "sampling_rate": rate}, file.read_bytes(),
    ]  # fmt: skip
    expected = features(engine, audio=file)
    for form in forms:
        assert_same(features(engine, audio=form), expected)
    assert_same(features(engine, audio=[forms[0], file]), expected * 2)


def test_frames_in_memory_are_one_video(engine):
    frames = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8)
    images = [Image.fromarray(frame) for frame in frames]
    expected = features(engine, video=frames)
    assert len(expected) == 1
    for form in (images, [images], [frames], list(frames)):
        assert_same(features(engine, video=form), expected)
    assert len(features(engine, video=[images, frames])) == 2


def test_a_url_is_fetched_as_in_chat_and_nothing_is_left_of_it(engine, media, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fsspec.filesystem("memory").pipe("/given/red.png", (media / "red.png").read_bytes())
    assert_same(features(engine, image="memory://given/red.png"), features(engine, image=media / "red.png"))
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.glob("macaw-media-*")) == []
    with pytest.raises(InputError, match="zip://"):
        engine.answer("What?", image="zip://a.png::memory://given/red.png")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"audio": np.zeros(16_000, np.float32)}, "sampling rate"),
        ({"audio": [0.0, 0.5]}, "numbers"),
        ({"audio": (np.zeros(0, np.float32), 16_000)}, "shape"),
        ({"audio": (np.zeros(9, np.complex64), 16_000)}, "complex64"),
        ({"audio": (np.zeros(9, np.float32), 0)}, "0"),
        ({"audio": Image.new("RGB", (8, 8))}, "audio"),
        ({"image": (np.zeros(9, np.float32), 16_000)}, "image"),
        ({"image": {"array": np.zeros(9), "sampling_rate": 8000}}, "image"),
        ({"image": np.zeros((8, 8, 3), np.float32)}, "float32"),
        ({"image": np.zeros((3, 8, 8), np.uint8)}, r"3, 8, 8"),
        ({"image": 5}, "int"),
        ({"image": [object()]}, "object"),
        ({"image": io.StringIO("x")}, "text"),
        ({"image": {"colour": 1}}, "colour"),
        ({"video": [Image.new("RGB", (8, 8)), Image.new("RGB", (8, 9))]}, "sizes"),
    ],
)
def test_what_is_no_medium_is_told(engine, said, named):
    with pytest.raises(UsageError, match=named):
        engine.answer("What?", **said)


@pytest.mark.parametrize("said", [{"image": b"no image"}, {"audio": b"no audio"}, {"video": b"no video"}])
def test_bytes_of_something_else_are_told_without_a_temporary_path(engine, said):
    (name,) = said
    with pytest.raises(InputError, match=f"The {name} in memory") as told:
        engine.answer("What?", **said)
    assert "macaw-given" not in str(told.value)


USER = {"role": "user", "content": "What?"}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (None, "NoneType"), (5, "int"), (b"What?", "bytes"), ([], "empty"), (USER, "dict"), (["What?"], "Message 1"),
        ([{"role": "user"}], "content"), ([{"role": "bot", "content": "x"}], "bot"),
        ([{"role": "user", "content": 5}], "5"), ([{"role": "user", "content": [{"type": "picture"}]}], "picture"),
        ([{"role": "user", "content": [{"type": "text"}]}], "text"),
        ([{"role": "user", "content": ["What?"]}], "What"),
        ([USER, {"role": "assistant", "content": "A"}], "assistant"), ([{"role": "system", "content": "A"}], "system"),
    ],
)  # fmt: skip
def test_what_is_no_question_is_told(engine, question, named):
    with pytest.raises(UsageError, match=named):
        engine.answer(question)
    with pytest.raises(UsageError, match=named):
        engine.answer_all([{"question": question}])


@pytest.mark.parametrize("questions", ["What is this?", {"question": "What?"}, None, 5])
def test_many_questions_are_a_list(engine, questions):
    with pytest.raises(UsageError, match="list of questions"):
        engine.answer_all(questions)
    with pytest.raises(UsageError, match="NoneType"):
        engine.answer_all(["What?", None])


def test_many_questions_may_be_messages_and_come_from_a_generator(engine):
    expected = engine.answer("What?", **OPTIONS)
    assert engine.answer_all((one for one in ("What?", [USER], {"question": [USER]})), **OPTIONS) == [expected] * 3
