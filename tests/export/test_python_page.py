"""The Python of the README and of docs/python.md does what the pages say, with an export in the folder."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, pipeline

import macaw_cli
import macaw_cli.auto
from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.export.run import export_model

ROOT = Path(__file__).parents[2]


def python_of(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(workspace_folder, tmp_path_factory):
    """A workspace with what the pages name."""
    place = tmp_path_factory.mktemp("pages") / "workspace"
    shutil.copytree(workspace_folder, place)
    shutil.copytree(place / "runs/tiny", place / "runs/quickstart")
    for name, source in (("cat", "red"), ("dog", "blue")):
        with Image.open(place / f"media/{source}.png") as image:
            image.save(place / f"{name}.jpg")
    shutil.copy(place / "media/beep.wav", place / "speech.wav")
    export_model(open_workspace(place, ["export.out=exported"]), place / "runs/quickstart")
    return place


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_every_block_of_python_runs(folder, monkeypatch, capsys, page):
    monkeypatch.chdir(folder)
    names = {}
    for block in python_of(page):
        exec(compile(block, page, "exec"), names)
    assert names["answer"] and names["answer"] in capsys.readouterr().out


def test_the_readme_needs_five_lines_from_a_file_to_an_answer():
    (block,) = [block for block in python_of("README.md") if "Engine" in block]
    assert len([line for line in block.splitlines() if line]) <= 5


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline("image-text-to-text", model=str(folder / "exported"))


def asked(image, key="image"):
    return [{"role": "user", "content": [{"type": "image", key: image}, text("What is this?")]}]


def text(words):
    return {"type": "text", "text": words}


def test_the_pipeline_of_transformers_answers_as_the_engine_does(folder, pipe):
    engine = macaw_cli.Engine.from_pretrained(folder / "exported")
    images = [folder / name for name in ("cat.jpg", "dog.jpg")]
    expected = [engine.answer("What is this?", image=image, max_new_tokens=8) for image in images]
    options = {"max_new_tokens": 8, "return_full_text": False}
    for image, answer in zip(images, expected, strict=True):
        forms = [asked(str(image)), asked(str(image), "path"), asked(f"file://{image}", "url")]
        with Image.open(image) as opened:
            forms.append(asked(opened.convert("RGB")))
        assert [pipe(text=form, **options)[0]["generated_text"] for form in forms] == [answer] * 4
        assert pipe(str(image), text="What is this?", **options)[0]["generated_text"] == answer
    behind = [{"role": "user", "content": asked(str(image))[0]["content"][::-1]}]
    assert pipe(text=behind, **options)[0]["generated_text"] == answer
    both = pipe(text=[asked(str(image)) for image in images], **options)
    assert [row[0]["generated_text"] for row in both] == expected
    assert pipe(text="Who are you?", **options)[0]["generated_text"] == engine.answer("Who are you?", max_new_tokens=8)


def test_the_pipeline_of_any_modality_hears_and_sees(folder):
    engine = macaw_cli.Engine.from_pretrained(folder / "exported")
    pipe = pipeline("any-to-any", model=str(folder / "exported"))
    options = {"max_new_tokens": 8, "return_full_text": False}
    for modality, file in (("image", "cat.jpg"), ("audio", "speech.wav")):
        part = {"type": modality, "path": str(folder / file)}
        expected = engine.answer("What is this?", max_new_tokens=8, **{modality: folder / file})
        found = pipe(text=[{"role": "user", "content": [part, text("What is this?")]}], **options)
        assert found[0]["generated_text"] == expected


def test_the_pipeline_computes_in_another_number_format(folder):
    half = pipeline("image-text-to-text", model=str(folder / "exported"), dtype=torch.bfloat16)
    assert half(text=asked(str(folder / "cat.jpg")), max_new_tokens=2)[0]["generated_text"][-1]["content"]


def test_a_conversation_of_several_turns_goes_through_the_pipeline(folder, pipe):
    first = asked(str(folder / "cat.jpg"))
    reply = pipe(text=first, max_new_tokens=4)[0]["generated_text"]
    assert reply[-1]["role"] == "assistant"
    engine = macaw_cli.Engine.from_pretrained(folder / "exported")
    more = [*reply, {"role": "user", "content": [text("And now?")]}]
    messages = [{"role": "user", "content": "What is this?"}, *more[1:]]
    expected = engine.answer(messages, image=folder / "cat.jpg", max_new_tokens=4)
    assert pipe(text=more, max_new_tokens=4, return_full_text=False)[0]["generated_text"] == expected


@pytest.mark.parametrize("key", ["image", "url"])
def test_a_url_is_not_fetched_and_an_answer_not_continued(pipe, key):
    with pytest.raises(InputError, match=r"http://localhost:1/a\.png"):
        pipe(text=asked("http://localhost:1/a.png", key), max_new_tokens=2)
    with pytest.raises(InputError):
        pipe(text=[*asked(Image.new("RGB", (9, 9))), {"role": "assistant", "content": [text("A")]}], max_new_tokens=2)


def test_the_processor_reads_files_of_every_modality(folder):
    processor = AutoProcessor.from_pretrained(folder / "exported")
    assert isinstance(processor, macaw_cli.MacawProcessor)
    parts = [
        {"type": "audio", "path": str(folder / "speech.wav")},
        {"type": "video", "path": str(folder / "media/film.mp4")},
        text("What happens?"),
    ]
    inputs = processor.apply_chat_template([{"role": "user", "content": parts}])
    assert {"input_ids", "attention_mask", "input_features", "pixel_values_videos"} <= set(inputs)
